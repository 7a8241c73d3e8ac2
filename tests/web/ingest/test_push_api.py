import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.hosts import Host, NewHost
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.identity.secret_hashes import secret_hash
from web.ingest.models import MessageForm, RecentAnswer, ReportForm

KEY = "the-agents-own-host-key"
NOW_S = NOW_MS / 1000


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def a_message(**changes: Any) -> dict[str, Any]:
    return {
        "message_id": "m1",
        "timestamp": NOW_S,
        "device_id": "d1",
        "source": "local",
        "metrics": [{"metric_name": "cpu", "metric_value": 45.2}],
    } | changes


def a_report(**changes: Any) -> dict[str, Any]:
    report = {
        "collected_at": NOW_S,
        "cpu_pct": 15.5,
        "mem_used_mb": 4096,
        "mem_total_mb": 16384,
        "mem_pct": 25.0,
        "disk_used_gb": 125.5,
        "disk_total_gb": 500.0,
        "disk_pct": 25.1,
    } | changes
    return {name: value for name, value in report.items() if value is not None}


async def a_host(world: World) -> Host:
    keys = world.services.pushes.keys
    host, _ = await keys.add_host(NewHost("nas", ""), secret_hash(KEY), NOW_MS)
    await world.services.pushes.hosts.refresh()
    return host


async def post(
    world: World, path: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await world.client.post(path, data=data, headers=headers)
    return answer.status, await answer.json()


async def push(world: World, body: Any) -> tuple[int, Any]:
    token = (await world.bearer(Role.EDITOR))["Authorization"].removeprefix("Bearer ")
    return await post(world, "/api/metrics", body, {"X-API-Key": token})


async def report(world: World, body: Any, key: str = KEY) -> tuple[int, Any]:
    return await post(world, "/report", body, {"Authorization": f"Bearer {key}"})


async def test_latest_messages_are_listed_as_sent(world: World) -> None:
    for number in range(12):
        message = a_message(message_id=f"m{number}", timestamp=NOW_S + number, battery="low")
        assert (await push(world, message))[0] == 200
    answer = await world.client.get("/api/recent", headers=await world.bearer())
    recent = RecentAnswer.model_validate_json(await answer.read())
    assert recent.count == 10
    assert recent.messages[0] == MessageForm(**a_message(message_id="m11", timestamp=NOW_S + 11))
    answer = await world.client.get("/api/recent?limit=2", headers=await world.bearer())
    assert (await answer.json())["count"] == 2
    answer = await world.client.get("/api/recent?limit=0", headers=await world.bearer())
    assert (answer.status, (await answer.json())["field"]) == (400, "limit")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"message_id": ""}, "message_id"),
        ({"message_id": "x" * 257}, "message_id"),
        ({"message_id": 7}, "message_id"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"timestamp": 0}, "timestamp"),
        ({"timestamp": NOW_MS}, "timestamp"),
        ({"timestamp": 1e300}, "timestamp"),
        ({"device_id": ""}, "device_id"),
        ({"source": None}, "source"),
        ({"metrics": "cpu"}, "metrics"),
        ({"metrics": [{"metric_name": "cpu"}]}, "metrics.0.metric_value"),
        ({"metrics": [{"metric_name": "", "metric_value": 1}]}, "metrics.0.metric_name"),
        (
            {"metrics": [{"metric_name": "cpu", "metric_value": float("nan")}]},
            "metrics.0.metric_value",
        ),
        ({"metrics": [{"metric_name": "a", "metric_value": 1}] * 1001}, "metrics"),
    ],
)
async def test_invalid_message_is_rejected_with_its_field(
    world: World, changes: dict[str, Any], field: str
) -> None:
    status, answer = await push(world, a_message(**changes))
    assert (status, answer["field"]) == (400, field)
    assert world.services.pushes.inbox.log.totals.messages == 0


async def test_key_of_a_viewer_cannot_push(world: World) -> None:
    status, _ = await post(world, "/api/metrics", a_message(), await world.bearer(Role.VIEWER))
    assert status == 403


async def test_accepted_message_is_not_logged(world: World) -> None:
    await push(world, a_message())
    await push(world, {})
    lines = [line for line in world.logs if line["event"] == "http_request"]
    levels = [(line["log_level"], line["status"]) for line in lines]
    assert levels == [("debug", 200), ("info", 400)]


async def test_report_without_optional_fields_is_accepted(world: World) -> None:
    await a_host(world)
    status, answer = await report(world, a_report(mem_pct=None, disk_pct=None))
    assert (status, answer) == (200, {"ok": True, "data_id": 1})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"collected_at": None}, "collected_at"),
        ({"collected_at": "yesterday"}, "collected_at"),
        ({"collected_at": "0001-01-01T00:00:00"}, "collected_at"),
        ({"collected_at": "9999-12-31T23:59:59.999999-12:00"}, "collected_at"),
        ({"cpu_pct": None}, "cpu_pct"),
        ({"cpu_pct": -1}, "cpu_pct"),
        ({"mem_total_mb": -1}, "mem_total_mb"),
        ({"mem_total_mb": 1e300}, "mem_total_mb"),
        ({"disk_pct": 101}, "disk_pct"),
        ({"int_ip": "x" * 300}, "int_ip"),
    ],
)
async def test_invalid_report_is_rejected_with_its_field(
    world: World, changes: dict[str, Any], field: str
) -> None:
    await a_host(world)
    status, answer = await report(world, a_report(**changes))
    assert (status, answer["field"]) == (400, field)


async def test_naive_time_is_utc(world: World) -> None:
    form = ReportForm(**a_report(collected_at="2024-01-15T10:30:00"))
    zoned = ReportForm(**a_report(collected_at="2024-01-15T12:30:00+02:00"))
    assert form.report().time_ms == zoned.report().time_ms == 1_705_314_600_000


async def test_use_of_a_key_is_recorded(world: World) -> None:
    await a_host(world)
    assert (await report(world, a_report()))[0] == 200
    (key,) = await world.services.pushes.keys.live(NOW_MS)
    assert key.last_used_ms == NOW_MS


async def test_no_secret_is_logged(world: World) -> None:
    await a_host(world)
    await report(world, a_report(host_key="another-key-than-the-header"))
    await report(world, a_report(), "a-key-of-nobody-at-all")
    told = repr(world.logs)
    for secret in (KEY, "another-key-than-the-header", "a-key-of-nobody-at-all"):
        assert secret not in told


async def test_thousand_at_once_are_all_answered(world: World) -> None:
    headers = await world.bearer()
    answers = await asyncio.gather(
        *(
            post(
                world,
                "/api/metrics",
                a_message(message_id=f"m{number % 500}", device_id=f"d{number % 500}"),
                headers,
            )
            for number in range(1000)
        )
    )
    assert {status for status, _ in answers} == {200}
    assert world.services.pushes.inbox.log.totals.messages == 500
