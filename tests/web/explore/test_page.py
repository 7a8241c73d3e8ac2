"""The Explore page's routes."""

from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.world import world_at


@pytest.mark.parametrize(
    ("graph", "explore"),
    [
        ("/graph?g0.expr=up%20%3D%3D%200&g0.tab=1", "/explore?query=up+%3D%3D+0"),
        ("/graph?g0.expr=a&g1.expr=b", "/explore?query=a&query=b"),
        ("/graph", "/explore"),
    ],
)
async def test_links_to_prometheus_graphs_open_in_explore(
    tmp_path: Path, aiohttp_client: AiohttpClient, graph: str, explore: str
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        answer = await world.client.get(graph, headers=await world.cookie(), allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, explore)
