import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.ingest.pushes import NOW_S, a_message, post, push
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.ingest.models import MessageForm, RecentAnswer


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


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
