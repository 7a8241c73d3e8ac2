"""`/api/v1/notifications` and its stream."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.patience import PATIENCE_S
from tests.web.prometheus.requests import ask
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.services import ReloadState

LIVE = "/api/v1/notifications/live"
FAILED = ReloadState(successful=False, success_ms=NOW_MS - 60_000, failure_ms=NOW_MS - 1_000)
RELOADED = ReloadState(successful=True, success_ms=NOW_MS)
NOTIFICATION = {
    "text": "Configuration reload has failed.",
    "date": "2025-11-22T13:59:59Z",
    "active": True,
}


async def event(stream: aiohttp.ClientResponse) -> Any:
    line = await asyncio.wait_for(stream.content.readline(), PATIENCE_S)
    assert await stream.content.readline() == b"\n"
    return json.loads(line.removeprefix(b"data: "))


async def test_failed_reload_is_a_notification(world: World) -> None:
    assert (await ask(world, "notifications"))["data"] == []
    world.configuration.state = FAILED
    assert (await ask(world, "notifications"))["data"] == [NOTIFICATION]


async def test_stream_begins_with_current_notifications_and_sends_changes(world: World) -> None:
    world.configuration.state = FAILED
    async with world.client.get(LIVE, headers=await world.bearer()) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert await event(stream) == NOTIFICATION
        world.configuration.state = RELOADED
        assert await event(stream) == NOTIFICATION | {"active": False}


async def test_stream_ends_when_the_server_stops(world: World) -> None:
    async with world.client.get(LIVE, headers=await world.bearer()) as stream:
        closing = asyncio.create_task(world.client.server.close())
        assert (await event(stream))["text"] == "Redshank is shutting down."
        assert await stream.content.read() == b""
    await closing


async def test_clients_over_the_limit_get_an_empty_response(world: World) -> None:
    headers = await world.bearer()
    streams = [await world.client.get(LIVE, headers=headers) for _ in range(16)]
    assert {stream.status for stream in streams} == {200}
    assert (await world.client.get(LIVE, headers=headers)).status == 204
    for stream in streams:
        stream.close()


async def test_head_of_the_stream_ends_at_once(world: World) -> None:
    answer = await world.client.head(LIVE, headers=await world.bearer())
    assert (answer.status, await answer.read()) == (200, b"")
