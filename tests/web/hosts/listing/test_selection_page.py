"""What is done to selected hosts."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.service_doubles import NOW_MS, target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("configured", "c:9100"))
        headers = await world.bearer()
        for number in (1, 2):
            form = {"name": f"web-{number}", "url": f"10.0.0.{number}", "labels": {"env": "lab"}}
            await world.client.post("/api/hosts", json=form, headers=headers)
        yield world


HOSTS = ["10.0.0.1:9100", "10.0.0.2:9100", "c:9100"]


async def act(world: World, action: str, status: int = 303, **fields: str) -> str:
    form = {"action": action, "hosts": json.dumps(HOSTS), **fields}
    answer = await world.client.post(
        "/hosts/selection/apply", data=form, headers=await world.cookie(), allow_redirects=False
    )
    assert answer.status == status, await answer.text()
    return answer.headers.get("Location", "") or await answer.text()


async def test_selection_is_confirmed_first(world: World) -> None:
    form = [("action", "remove"), ("host", HOSTS[0]), ("host", "c:9100")]
    answer = await world.client.post("/hosts/selection", data=form, headers=await world.cookie())
    text = await answer.text()
    assert "Remove 2 hosts" in text
    assert "1 of them comes from the server" in text
    assert len(await world.services.hosts.all()) == 2


async def test_selected_hosts_are_removed_but_for_configured_ones(world: World) -> None:
    assert await act(world, "remove") == "/?notice=hosts-removed"
    assert list(await world.services.hosts.all()) == []
    assert "configured" in await world.page("/")


async def test_selected_hosts_are_tagged_and_untagged(world: World) -> None:
    await act(world, "tag", name="site", value="home")
    assert [dict(host.labels) for host in await world.services.hosts.all()] == [
        {"env": "lab", "site": "home"},
        {"env": "lab", "site": "home"},
    ]
    assert world.changes
    await act(world, "tag", name="env", value="")
    assert {host.labels.get("env") for host in await world.services.hosts.all()} == {""}


@pytest.mark.parametrize("name", ["instance", "job", "no name", "", "__name__"])
async def test_label_that_cannot_be_a_tag_is_refused(world: World, name: str) -> None:
    text = await act(world, "tag", 400, name=name, value="x")
    assert 'class="problem"' in text
    assert {host.labels.get("env") for host in await world.services.hosts.all()} == {"lab"}


async def test_alerts_of_selected_hosts_are_silenced(world: World) -> None:
    await act(world, "silence", duration="4h", comment="kernel")
    (silence,) = world.alerting.router.dispatcher.silences.all()
    assert (silence.comment, silence.ends_ms) == ("kernel", NOW_MS + 4 * 3_600_000)
    matcher = silence.matchers[0]
    assert all(matcher.matches(instance) for instance in HOSTS)
    assert not matcher.matches("10.0.0.12:9100")
    assert not matcher.matches("10x0.0.1:9100")


async def test_silence_needs_a_reason_and_a_known_duration(world: World) -> None:
    assert "say why" in await act(world, "silence", 400, duration="4h", comment=" ")
    assert "must be one of" in await act(world, "silence", 400, duration="9y", comment="x")
    assert not world.alerting.router.dispatcher.silences.all()


@pytest.mark.parametrize(
    "form", [{"action": "explode"}, {"hosts": "[]"}, {"hosts": "{"}, {"hosts": '["nobody"]'}]
)
async def test_unfit_selection_is_refused(world: World, form: dict[str, str]) -> None:
    fields = {"action": "remove", "hosts": json.dumps(HOSTS)} | form
    answer = await world.client.post(
        "/hosts/selection/apply", data=fields, headers=await world.cookie(), allow_redirects=False
    )
    assert answer.status == 400
    assert len(await world.services.hosts.all()) == 2


async def test_tags_of_one_host_are_replaced(world: World) -> None:
    key = (await world.services.hosts.all())[0].id
    url, headers = f"/api/hosts/{key}/tags", await world.bearer()
    answer = await world.client.put(url, json={"tags": {"rack": "b4"}}, headers=headers)
    assert (await answer.json())["labels"]["rack"] == "b4"
    assert dict((await world.services.hosts.all())[0].labels) == {"rack": "b4"}
    refused = await world.client.put(url, json={"tags": {"job": "x"}}, headers=headers)
    assert (refused.status, (await refused.json())["field"]) == (400, "tags")
    configured = "/api/hosts/c:9100/tags"
    assert (await world.client.put(configured, json={"tags": {}}, headers=headers)).status == 409
