from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.service_doubles import target_status
from tests.web.world import World, world_at
from web.settings import WebSettings

SETTINGS = WebSettings(live_interval_s=0.05, live_streams=2)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    """A server with one host that admits two connections."""
    async with world_at(tmp_path, aiohttp_client, SETTINGS) as world:
        world.statuses.append(target_status("web-1", "a:9100"))
        yield world
