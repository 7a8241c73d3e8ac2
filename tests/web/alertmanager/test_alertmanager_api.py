"""API v2: what amtool, Prometheus and Grafana ask of an Alertmanager."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def at(seconds: float) -> str:
    return dt.datetime.fromtimestamp(NOW_MS / 1000 + seconds, dt.UTC).isoformat()


def silence(**more: Any) -> dict[str, Any]:
    matcher = {"name": "host", "value": "a", "isRegex": False, "isEqual": True}
    return {
        "matchers": [matcher],
        "startsAt": at(0),
        "endsAt": at(3600),
        "createdBy": "ann",
        "comment": "upgrade",
    } | more


async def post(world: World, path: str, body: Any, status: int = 200) -> str:
    headers = await world.bearer(Role.EDITOR)
    answer = await world.client.post(f"/api/v2/{path}", json=body, headers=headers)
    text = await answer.text()
    assert answer.status == status, text
    return text


async def get(world: World, path: str, status: int = 200, **query: str) -> Any:
    headers = await world.bearer(Role.VIEWER)
    answer = await world.client.get(f"/api/v2/{path}", params=query, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_posted_alert_is_listed_with_its_receivers(world: World) -> None:
    alert = {"labels": {"alertname": "A", "host": "a"}, "annotations": {"x": "y", "empty": ""}}
    await post(world, "alerts", [alert])
    [found] = await get(world, "alerts")
    assert (found["labels"], found["annotations"]) == (alert["labels"], alert["annotations"])
    assert found["status"]["state"] == "active"
    assert [each["name"] for each in found["receivers"]] == ["log"]
    assert await get(world, "alerts", filter='host="b"') == []
    assert await get(world, "alerts", receiver="nobody") == []
    [group] = await get(world, "alerts/groups")
    assert (group["labels"], group["receiver"]) == (alert["labels"], {"name": "log"})


async def test_resolved_alert_is_not_listed(world: World) -> None:
    labels = {"alertname": "A"}
    await post(world, "alerts", [{"labels": labels, "startsAt": at(-60)}])
    await post(world, "alerts", [{"labels": labels, "startsAt": at(-60), "endsAt": at(-1)}])
    assert await get(world, "alerts") == []


async def test_silenced_alert_is_shown_as_silenced(world: World) -> None:
    await post(world, "alerts", [{"labels": {"alertname": "A", "host": "a"}}])
    await post(world, "silences", silence())
    [made] = await get(world, "silences")
    assert (made["status"]["state"], made["createdBy"]) == ("active", "ann")
    [alert] = await get(world, "alerts")
    assert alert["status"]["state"] == "suppressed"
    assert alert["status"]["silencedBy"] == [made["id"]]
    assert await get(world, "alerts", silenced="false") == []
    headers = await world.bearer(Role.EDITOR)
    path = f"/api/v2/silence/{made['id']}"
    assert (await world.client.delete(path, headers=headers)).status == 200
    assert (await get(world, f"silence/{made['id']}"))["status"]["state"] == "expired"
    [alert] = await get(world, "alerts")
    assert alert["status"]["state"] == "active"


async def test_changed_end_keeps_the_silence_and_changed_matchers_replace_it(world: World) -> None:
    await post(world, "silences", silence())
    [made] = await get(world, "silences")
    await post(world, "silences", silence(id=made["id"], endsAt=at(7200)))
    [longer] = await get(world, "silences")
    assert longer["id"] == made["id"]
    other = [{"name": "host", "value": "b", "isRegex": False}]
    await post(world, "silences", silence(id=made["id"], matchers=other))
    states = {each["id"]: each["status"]["state"] for each in await get(world, "silences")}
    assert states.pop(made["id"]) == "expired"
    assert list(states.values()) == ["active"]


@pytest.mark.parametrize(
    ("more", "status", "reason"),
    [
        ({"endsAt": at(-3600), "startsAt": at(-7200)}, 400, "endsAt"),
        ({"endsAt": at(0)}, 400, "endsAt"),
        ({"matchers": []}, 400, "matchers"),
        ({"matchers": [{"name": "a", "value": "", "isRegex": False}]}, 400, "matchers"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, 400, "matchers.0.value"),
        ({"id": "nothing"}, 404, "nothing"),
    ],
)
async def test_invalid_silence_is_refused(
    world: World, more: dict[str, Any], status: int, reason: str
) -> None:
    assert reason in await post(world, "silences", silence(**more), status)
    assert await get(world, "silences") == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "valid"),
        ([{"labels": {}}], "0.labels"),
        ([{"labels": {"a": ""}}], "0.labels"),
        ([{"labels": {"a": "b"}, "startsAt": at(0), "endsAt": at(-9)}], "0.endsAt"),
    ],
)
async def test_invalid_alerts_are_refused(world: World, body: Any, reason: str) -> None:
    assert reason in await post(world, "alerts", body, 400)


async def test_error_is_a_text_as_the_clients_of_alertmanager_decode_it(world: World) -> None:
    refused = json.loads(await post(world, "silences", silence(matchers=[]), 400))
    assert refused.startswith("matchers: ")
    missing = await get(world, "silence/nothing", 404)
    assert missing == "silence nothing not found"
    answer = await world.client.get("/api/v2/alerts")
    assert (answer.status, type(await answer.json())) == (401, str)


async def test_annotations_of_a_silence_are_kept(world: World) -> None:
    await post(world, "silences", silence())
    [made] = await get(world, "silences")
    assert "annotations" not in made
    note = {"ticket": "T-1", "empty": ""}
    await post(world, "silences", silence(id=made["id"], annotations=note))
    [changed] = await get(world, "silences")
    assert (changed["id"], changed["annotations"]) == (made["id"], note)


async def test_malformed_filter_is_refused(world: World) -> None:
    await get(world, "silences", 400, filter="a")
    await get(world, "alerts", 400, filter="=b")
    await get(world, "alerts", 400, receiver="(")
    await get(world, "alerts", 400, active="perhaps")


async def test_status_shows_the_tree_of_routes(world: World) -> None:
    status = await get(world, "status")
    assert status["cluster"]["status"] == "disabled"
    assert 'receiver: "log"' in status["config"]["original"]
    assert {"name": "log"} in await get(world, "receivers")


async def test_silences_survive_a_restart(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        await post(world, "silences", silence())
        rows = await world.services.alerts.silences()
        assert [(row.created_by, row.comment) for row in rows] == [("ann", "upgrade")]
