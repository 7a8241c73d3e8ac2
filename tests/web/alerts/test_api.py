from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.errors import DeliveryError
from storage.api.alerts import AlertState
from storage.api.routing import AlertHold, GroupNotification, NotificationLogRow
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        for state in (
            AlertState.PENDING,
            AlertState.FIRING,
            AlertState.NO_DATA,
            AlertState.RESOLVED,
            AlertState.RESOLVED,
        ):
            await world.alerting.put(an_alert(state))
        yield world


async def call(world: World, method: str, path: str, status: int = 200) -> Any:
    answer = await world.client.request(method, path, headers=await world.bearer())
    assert answer.status == status, await answer.text()
    return await answer.json()


@pytest.mark.parametrize(
    ("state", "ids"),
    [
        ("", [1, 2, 3]),
        ("?state=open", [1, 2, 3]),
        ("?state=firing", [2]),
        ("?state=pending", [1]),
        ("?state=no_data", [3]),
        ("?state=acknowledged", []),
        ("?state=resolved", [5, 4]),
        ("?state=resolved&limit=1", [5]),
        ("?state=resolved&before_id=5", [4]),
    ],
)
async def test_alerts_are_listed_by_state(world: World, state: str, ids: list[int]) -> None:
    found = await call(world, "GET", f"/api/alerts{state}")
    assert [each["id"] for each in found["alerts"]] == ids


@pytest.mark.parametrize(
    "query",
    ["state=on-fire", "limit=0", "limit=1001", "limit=x", "before_id=-1", "limit=" + "9" * 30],
)
async def test_unfit_parameter_is_named(world: World, query: str) -> None:
    answer = await call(world, "GET", f"/api/alerts?{query}", 400)
    assert answer["field"] == query.split("=", maxsplit=1)[0]


async def test_acknowledgement_names_the_user_and_lasts(world: World) -> None:
    acknowledged = await call(world, "POST", "/api/alerts/2/acknowledge")
    assert acknowledged["acknowledged_by"] == "the-admin"
    assert acknowledged["acknowledged_ms"] == NOW_MS
    found = await call(world, "GET", "/api/alerts?state=acknowledged")
    assert [each["id"] for each in found["alerts"]] == [2]


@pytest.mark.parametrize(("key", "status"), [("4", 404), ("99", 404), ("x", 400), ("9" * 30, 400)])
async def test_what_is_not_open_cannot_be_acknowledged(world: World, key: str, status: int) -> None:
    await call(world, "POST", f"/api/alerts/{key}/acknowledge", status)


async def test_alert_has_its_history(world: World) -> None:
    await call(world, "POST", "/api/alerts/2/acknowledge")
    document = await call(world, "GET", "/api/alerts/2")
    steps = [(each["before"], each["after"], each["actor"]) for each in document["transitions"]]
    assert steps == [("firing", "firing", "the-admin"), ("inactive", "firing", None)]


async def test_alert_has_its_notifications_and_what_held_it_back(world: World) -> None:
    sent = GroupNotification('{"status": "firing"}', (2,))
    entry = NotificationLogRow("{}", "ops", NOW_MS, "{}", "[]", "[]")
    await world.services.alerts.notify_groups([(entry, sent)], NOW_MS)
    hold = AlertHold(
        2,
        "s1",
        is_maintenance=True,
        matchers='job="a"',
        created_by="ann",
        comment="backup",
        starts_ms=NOW_MS,
        ends_ms=NOW_MS + 60_000,
    )
    await world.services.alerts.change_holds([hold])
    body = {"comment": "on it", "duration_s": 60}
    answer = await world.client.post(
        "/api/alerts/2/acknowledge", json=body, headers=await world.bearer()
    )
    assert answer.status == 200
    document = await call(world, "GET", "/api/alerts/2")
    notification, own = document["notifications"]
    assert own["alert_id"] == 2
    assert (notification["receiver"], notification["status"]) == ("ops", "firing")
    assert (notification["alert_id"], notification["attempts"]) == (None, 0)
    assert document["holds"] == [
        {
            "silence_id": "s1",
            "maintenance": True,
            "matchers": 'job="a"',
            "created_by": "ann",
            "comment": "backup",
            "starts_ms": NOW_MS,
            "ends_ms": NOW_MS + 60_000,
        }
    ]
    acknowledged, fired = document["transitions"]
    assert (acknowledged["comment"], acknowledged["expires_ms"]) == ("on it", NOW_MS + 60_000)
    assert (fired["lasted_s"], document["fired_s"]) == (None, 0.0)
    for query, ids in (("alert_id=2", 2), ("receiver=ops", 1), ("receiver=no", 0)):
        found = await call(world, "GET", f"/api/notifications?{query}")
        assert len(found["notifications"]) == ids, query
    text = await world.page("/alerts/2")
    for part in (
        "sent to <bdi>ops</bdi>",
        "in a group",
        "Maintenance began",
        "Maintenance ended",
        "on it",
    ):
        assert part in text
    history = await call(world, "GET", "/api/alerts/history?limit=2")
    assert [each["alert_id"] for each in history["transitions"]] == [2, 5]
    oldest = history["transitions"][-1]["id"]
    older = await call(world, "GET", f"/api/alerts/history?before_id={oldest}&limit=1")
    assert [each["alert_id"] for each in older["transitions"]] == [4]
    one = await call(world, "GET", "/api/alerts/history?alert_id=1")
    assert [each["after"] for each in one["transitions"]] == ["pending"]


async def test_value_that_json_does_not_know_is_null(world: World) -> None:
    stored = await world.alerting.put(an_alert(AlertState.NO_DATA, value=float("nan")))
    assert (await call(world, "GET", f"/api/alerts/{stored.id}"))["value"] is None


async def test_notification_log_omits_bodies(world: World) -> None:
    await world.services.alerts.failed(1, "503 Service Unavailable", NOW_MS, NOW_MS + 1000)
    found = (await call(world, "GET", "/api/notifications"))["notifications"]
    oldest = found[-1]
    assert (oldest["receiver"], oldest["attempts"]) == ("phone", 1)
    assert oldest["last_error"] == "503 Service Unavailable"
    assert "secret" not in repr(found)


async def test_receiver_is_tested_and_its_refusal_returned(world: World) -> None:
    listed = await call(world, "GET", "/api/receivers")
    assert listed == {"receivers": [{"name": "phone", "type": "webhook"}]}
    answer = await world.client.post("/api/receivers/phone/test", headers=await world.bearer())
    assert (answer.status, world.alerting.tested) == (204, ["phone"])
    await call(world, "POST", "/api/receivers/nobody/test", 404)
    world.alerting.failure = DeliveryError("answered 500")
    refused = await call(world, "POST", "/api/receivers/phone/test", 502)
    assert refused["error"] == "answered 500"
