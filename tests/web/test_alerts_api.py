from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from storage.api.alerts import Alert, AlertState, Notification, Transition
from tests.web.web_doubles import NOW_MS, World, world_at


def alert(number: int, state: AlertState, value: float = 97.5) -> Alert:
    labels = Labels.of(alertname="HighCpu", instance="a:9100", severity="critical")
    annotations = Labels.of(summary="CPU at 97.5 %")
    return Alert(number, "host/cpu", labels, annotations, state, value, NOW_MS, NOW_MS)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        states = (
            AlertState.PENDING,
            AlertState.FIRING,
            AlertState.NO_DATA,
            AlertState.RESOLVED,
            AlertState.RESOLVED,
        )
        for number, state in enumerate(states, 1):
            world.alerts.put(alert(number, state))
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


async def test_acknowledgement_names_who_and_lasts(world: World) -> None:
    acknowledged = await call(world, "POST", "/api/alerts/2/acknowledge")
    assert acknowledged["acknowledged_by"] == "the-admin"
    assert acknowledged["acknowledged_ms"] == NOW_MS
    found = await call(world, "GET", "/api/alerts?state=acknowledged")
    assert [each["id"] for each in found["alerts"]] == [2]


@pytest.mark.parametrize(("key", "status"), [("4", 404), ("99", 404), ("x", 400), ("9" * 30, 400)])
async def test_what_is_not_open_cannot_be_acknowledged(world: World, key: str, status: int) -> None:
    await call(world, "POST", f"/api/alerts/{key}/acknowledge", status)


async def test_alert_comes_with_its_history(world: World) -> None:
    labels = Labels.of(alertname="HighCpu")
    for number in (1, 2):
        world.alerts.transitions.append(
            Transition(
                number,
                number,
                "host/cpu",
                labels,
                AlertState.PENDING,
                AlertState.FIRING,
                NOW_MS,
                1.0,
            )
        )
    document = await call(world, "GET", "/api/alerts/2")
    assert [each["alert_id"] for each in document["transitions"]] == [2]
    history = await call(world, "GET", "/api/alerts/history")
    assert [each["id"] for each in history["transitions"]] == [2, 1]
    one = await call(world, "GET", "/api/alerts/history?alert_id=1")
    assert [each["after"] for each in one["transitions"]] == ["firing"]


async def test_value_that_json_does_not_know_is_null(world: World) -> None:
    world.alerts.put(alert(9, AlertState.NO_DATA, float("nan")))
    assert (await call(world, "GET", "/api/alerts/9"))["value"] is None


async def test_notification_log_keeps_bodies_to_itself(world: World) -> None:
    world.alerts.log.append(
        Notification(
            receiver="ops", body='{"token":"s"}', id=1, alert_id=2, attempts=3, last_error="x"
        )
    )
    (only,) = (await call(world, "GET", "/api/notifications"))["notifications"]
    assert (only["receiver"], only["attempts"], only["last_error"]) == ("ops", 3, "x")
    assert "body" not in only
