"""`OPTIONS` requests that are not preflights."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at
from web.http.routing import ROUTES


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_options_lists_the_methods_without_a_login(world: World) -> None:
    for path, allowed in (
        ("/api/v1/query", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/label/job/values", "GET, HEAD, OPTIONS"),
        ("/federate", "GET, HEAD, OPTIONS"),
    ):
        answer = await world.client.options(path)
        assert (answer.status, answer.headers["Allow"]) == (204, allowed), path
        assert await answer.read() == b""


async def test_options_of_an_unknown_url_is_not_found(world: World) -> None:
    assert (await world.client.options("/api/v1/nothing")).status == 404


async def test_options_of_another_origin_is_left_to_cors(world: World) -> None:
    answer = await world.client.options("/api/v1/query", headers={"Origin": "https://a.example"})
    assert answer.status == 405


async def test_no_route_has_the_method_options(world: World) -> None:
    # `unmatched` relies on it: preflights and these answers are for requests without a route.
    assert not [path for method, path in world.client.app[ROUTES] if method == "OPTIONS"]
