"""URLs that end with a slash."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient
from yarl import URL

from promql.api import Answer, Scalar
from tests.web.world import World, world_at


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let hypothesis read its own files between examples."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def location(world: World, method: str, path: str) -> tuple[int, str | None]:
    url = URL(f"http://127.0.0.1:{world.client.port}{path}", encoded=True)
    async with world.client.session.request(method, url, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location")


async def test_trailing_slash_redirects_to_the_route(world: World) -> None:
    found = await location(world, "GET", "/api/v1/query/?query=a%2Bb&time=1")
    assert found == (301, "/api/v1/query?query=a%2Bb&time=1")
    assert await location(world, "POST", "/api/v1/query/") == (308, "/api/v1/query")
    assert await location(world, "GET", "/version/") == (301, "/version")
    assert await location(world, "GET", "/api/v1/label/a%2Fb/values/") == (
        301,
        "/api/v1/label/a%2Fb/values",
    )


async def test_query_with_a_trailing_slash_is_answered(world: World) -> None:
    world.engine.answers["up"] = Answer(Scalar(2_000, 1.0))
    headers = await world.bearer()
    for answer in (
        await world.client.get("/api/v1/query/?query=up", headers=headers),
        await world.client.post("/api/v1/query/", data={"query": "up"}, headers=headers),
    ):
        assert (await answer.json())["data"]["result"] == [2, "1"]


@pytest.mark.parametrize(
    "path",
    ["/api/v1/nothing/", "/api/v1/query//", "//evil.example/", "/\\evil.example/", "/%2F/"],
)
async def test_other_urls_are_not_redirected(world: World, path: str) -> None:
    status, to = await location(world, "GET", path)
    assert (status, to) == (404, None)


@given(path=st.text(st.sampled_from("/\\.:@abv1"), max_size=12))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_hostile_path_never_redirects_to_another_site(world: World, path: str) -> None:
    _, to = await location(world, "GET", f"/{path}/")
    assert to is None or (to.startswith("/") and not to.startswith(("//", "/\\")))
