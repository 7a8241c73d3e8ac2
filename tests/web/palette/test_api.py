from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from storage.api.accounts import Role
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def find(world: World, words: str, role: Role = Role.ADMIN, **more: str) -> Any:
    answer = await world.client.get(
        "/api/palette", params={"q": words, **more}, headers=await world.cookie(role)
    )
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def found(world: World, words: str, role: Role = Role.ADMIN) -> list[tuple[str, str, str]]:
    entries = (await find(world, words, role))["entries"]
    return [(one["kind"], one["title"], one["href"] or one["action"]) for one in entries]


async def test_host_alert_and_metric_are_found_by_their_names(world: World) -> None:
    world.statuses.append(target_status("web-1", "10.0.0.1:9100"))
    alert = await world.alerting.put(an_alert(name="HighCpu", instance="10.0.0.1:9100"))
    world.samples.known.append(Labels.of(__name__="node_load1", instance="10.0.0.1:9100"))
    assert (await found(world, "web-1"))[0] == ("host", "web-1", "/host/10.0.0.1:9100")
    assert ("alert", "HighCpu 10.0.0.1:9100", f"/alerts/{alert.id}") in await found(world, "hicpu")
    assert (await found(world, "load1"))[0] == (
        "metric",
        "node_load1",
        "/explore?query=node_load1",
    )


async def test_dashboards_projects_rules_and_actions_are_found(world: World) -> None:
    project = await world.client.post(
        "/api/v1/projects/", json={"name": "Shop"}, headers=await world.bearer()
    )
    key = (await project.json())["project_key"]
    assert (await found(world, "shop"))[0] == ("project", "Shop", f"/projects/{key}")
    assert ("dashboard", "Node", "/dashboards/node") in await found(world, "node")
    assert (await found(world, "silence"))[:2] == [
        ("page", "Silences", "/silences"),
        ("action", "New silence", "/silences/new"),
    ]
    assert (await found(world, "dark"))[0] == ("action", "Switch the theme", "theme")
    assert ("rule", "HostDown", "/alert-rules") in await found(world, "hostdown")


async def test_without_words_pages_and_actions_are_listed(world: World) -> None:
    answer = await find(world, "  ", limit="100")
    kinds = [one["kind"] for one in answer["entries"]]
    assert kinds == sorted(kinds, key=("page", "action").index)
    assert not answer["more"]
    shorter = await find(world, "", limit="3")
    assert len(shorter["entries"]) == 3
    assert shorter["more"]


async def test_reader_finds_only_what_their_role_may_open(world: World) -> None:
    for words, viewer, admin in (
        ("users", [], ["/users"]),
        ("audit", [], ["/audit"]),
        ("add a host", [], ["/add-host"]),
        ("alerts", ["/alerts"], ["/alerts"]),
    ):
        for role, expected in ((Role.VIEWER, viewer), (Role.ADMIN, admin)):
            hrefs = [href for _, _, href in await found(world, words, role)]
            assert [href for href in hrefs if href in admin] == expected, (words, role)


async def test_project_of_others_is_not_found(world: World) -> None:
    await world.client.post(
        "/api/v1/projects/", json={"name": "Secret"}, headers=await world.bearer()
    )
    assert await found(world, "secret", Role.EDITOR) == []


@pytest.mark.parametrize("parameters", [{"q": "x" * 201}, {"limit": "0"}, {"limit": "many"}])
async def test_invalid_parameter_is_named(world: World, parameters: dict[str, str]) -> None:
    answer = await world.client.get("/api/palette", params=parameters, headers=await world.cookie())
    assert answer.status == 400
    assert (await answer.json())["field"] == next(iter(parameters))


async def test_palette_needs_a_login(world: World) -> None:
    assert (await world.client.get("/api/palette")).status == 401
