"""Every page has an address by which the tests of all pages open it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.browser.pages.filled_server import ADDRESSES, ELSEWHERE, page_routes
from tests.web.world import World, world_at
from web.http.routing import ROUTES


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_every_page_with_parameters_has_an_address(world: World) -> None:
    """A page without one is not tested for accessibility, overflow and script errors."""
    pages = page_routes(world.client.app)
    assert {path for path in pages if "{" in path} - ADDRESSES.keys() == set()
    # Rows of pages that are gone.
    assert ADDRESSES.keys() - pages == set()
    assert {("GET", path) for path in ELSEWHERE} - world.client.app[ROUTES].keys() == set()
