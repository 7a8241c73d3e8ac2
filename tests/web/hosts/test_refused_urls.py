"""Addresses at which no host may be added."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "169.254.169.254:80",
        "http://[fe80::1]:9100/metrics",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0:9190/",
        "http://224.0.0.1/",
    ],
)
async def test_host_at_a_refused_address_is_not_added(world: World, url: str) -> None:
    body = {"name": "x", "url": url}
    answer = await world.client.post("/api/hosts", json=body, headers=await world.bearer())
    assert (answer.status, (await answer.json())["field"]) == (400, "url")
    page = await world.client.post("/add-host", data=body, headers=await world.cookie())
    assert page.status == 400
    assert "refused" in await page.text()
    assert not await world.services.hosts.all()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x", "ftp://x", "dict://x:1", "http://u:p@x/", "http://"]
)
async def test_target_is_http_and_carries_no_password(world: World, url: str) -> None:
    body = {"name": "x", "url": url}
    answer = await world.client.post("/api/hosts", json=body, headers=await world.bearer())
    assert (answer.status, (await answer.json())["field"]) == (400, "url")
