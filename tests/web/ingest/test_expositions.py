"""`/report` with the exposition of an exporter that pushes."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.ingest.pushes import KEY, a_host
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at

BODY = b'# TYPE node_load1 gauge\nnode_load1 0.5\nnode_disk_io_now{device="sda"} 3\n'
TIME = {"X-Collected-At-Ms": str(NOW_MS - 3_600_000)}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def sent(
    world: World, body: bytes, headers: dict[str, str] = TIME, key: str = KEY
) -> tuple[int, Any]:
    answer = await world.client.post(
        "/report",
        data=body,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "text/plain", **headers},
    )
    return answer.status, await answer.json()


async def test_exposition_is_accepted_with_its_own_time_and_repeated_without_harm(
    world: World,
) -> None:
    await a_host(world)
    assert await sent(world, BODY) == (200, {"ok": True, "data_id": 1})
    packed = {**TIME, "Content-Encoding": "gzip"}
    assert (await sent(world, gzip.compress(BODY), packed))[0] == 200
    (status,) = world.services.pushes.hosts.statuses()
    assert (status.target.host, status.health.value) == ("nas", "up")


@pytest.mark.parametrize(
    ("body", "headers", "text"),
    [
        (b"node_load1 x\n", TIME, "line 1"),
        (b"", TIME, "no samples"),
        (b"a 1\na 2\n", TIME, "occurs twice"),
        (BODY, {}, "X-Collected-At-Ms"),
        (BODY, {"X-Collected-At-Ms": "soon"}, "X-Collected-At-Ms"),
        (BODY, {"X-Collected-At-Ms": str(NOW_MS + 3_600_000)}, "min in the future"),
    ],
)
async def test_exposition_that_cannot_be_stored_is_refused_with_the_reason(
    world: World, body: bytes, headers: dict[str, str], text: str
) -> None:
    await a_host(world)
    status, answer = await sent(world, body, headers)
    assert status == 400
    assert text in str(answer)


async def test_exposition_without_the_hosts_key_is_refused(world: World) -> None:
    await a_host(world)
    assert (await sent(world, BODY, key="another-key-of-no-host"))[0] == 403
