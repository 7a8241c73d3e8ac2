import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from pytest_aiohttp import AiohttpClient

from model.targets import Health
from tests.web.web_doubles import World, target_status, world_at
from web.settings import WebSettings

SETTINGS = WebSettings(live_interval_s=0.05, live_streams=2)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, SETTINGS) as world:
        world.statuses.append(target_status("web-1", "a:9100"))
        yield world


async def event(answer: ClientResponse) -> str:
    """Return the data of the next event."""
    async with asyncio.timeout(10):
        text = ""
        while not text.endswith("\n\n") or "data:" not in text:
            line = await answer.content.readline()
            assert line, "the stream ended"
            text = line.decode() if text.endswith("\n\n") else text + line.decode()
    return "".join(line[6:] for line in text.splitlines(keepends=True) if line.startswith("data: "))


async def test_page_is_sent_at_once_and_again_when_it_changed(world: World) -> None:
    async with world.client.get("/live/hosts", headers=await world.cookie()) as answer:
        assert answer.content_type == "text/event-stream"
        first = await event(answer)
        assert 'id="fleet"' in first
        assert 'id="tally"' in first
        world.statuses[0] = target_status("web-1", "a:9100", Health.DOWN, "no route to host")
        world.now[0] += 5_000
        assert "no route to host" in await event(answer)


async def test_stream_keeps_to_the_address_of_its_page(world: World) -> None:
    world.statuses.append(target_status("db-1", "b:9100"))
    async with world.client.get("/live/hosts?q=db", headers=await world.cookie()) as answer:
        text = await event(answer)
        assert "db-1" in text
        assert "web-1" not in text


@pytest.mark.parametrize(
    ("path", "part"),
    [("alerts", "alerts"), ("targets", "targets"), ("store", "store"), ("host/a:9100", "host")],
)
async def test_every_live_page_has_its_region(world: World, path: str, part: str) -> None:
    async with world.client.get(f"/live/{path}", headers=await world.cookie()) as answer:
        text = await event(answer)
        assert f'id="{part}"' in text
        assert 'id="alert-badge"' in text


async def test_revoked_session_ends_its_streams(world: World) -> None:
    headers = await world.cookie()
    async with world.client.get("/live/hosts", headers=headers) as answer:
        await event(answer)
        await world.client.post("/logout", headers=headers, allow_redirects=False)
        async with asyncio.timeout(10):
            await answer.content.read()
    assert (await world.client.get("/live/hosts", headers=headers)).status == 401


async def test_removed_host_ends_its_stream(world: World) -> None:
    async with world.client.get("/live/host/a:9100", headers=await world.cookie()) as answer:
        await event(answer)
        world.statuses.clear()
        world.now[0] += 5_000
        async with asyncio.timeout(10):
            await answer.content.read()
    assert "live_stream_ended" in [line["event"] for line in world.logs]


async def test_streams_are_bounded_in_number(world: World) -> None:
    headers = await world.cookie()
    async with (
        world.client.get("/live/hosts", headers=headers) as one,
        world.client.get("/live/hosts", headers=headers) as two,
    ):
        await event(one)
        await event(two)
        assert (await world.client.get("/live/hosts", headers=headers)).status == 503
    async with asyncio.timeout(10):
        while (await open_stream(world, headers)) == 503:
            pass


async def open_stream(world: World, headers: dict[str, str]) -> int:
    async with world.client.get("/live/hosts", headers=headers) as answer:
        return answer.status


async def test_shutdown_does_not_wait_for_streams(world: World) -> None:
    answer = await world.client.get("/live/hosts", headers=await world.cookie())
    await event(answer)
    async with asyncio.timeout(10):
        await world.client.server.close()
    answer.close()


async def test_client_that_takes_nothing_is_dropped(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(live_interval_s=0.05, live_write_timeout_s=0.2)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        # Enough rows that a few events fill every buffer between here and there.
        world.statuses += [target_status(f"host-{n}", f"h{n}:9100") for n in range(1500)]
        cookie = (await world.cookie())["Cookie"]
        reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port, limit=1024)
        request = f"GET /live/hosts HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        writer.write(request.encode())
        async with asyncio.timeout(30):
            while "live_client_dropped" not in [line["event"] for line in world.logs]:
                world.statuses.reverse()
                world.now[0] += 5_000
                await asyncio.sleep(0.01)
        writer.close()
        del reader
