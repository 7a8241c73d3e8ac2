"""Pages of errors keep the navigation of everybody who is logged in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at

HTML = {"Accept": "text/html"}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("/host/nobody", Role.VIEWER, 404),
        ("/no/such/page", Role.VIEWER, 404),
        ("/users", Role.VIEWER, 403),
        ("/alerts?before_id=x", Role.EDITOR, 400),
    ],
)
async def test_error_page_has_the_navigation_that_its_reader_may_use(
    world: World, path: str, role: Role, status: int
) -> None:
    answer = await world.client.get(path, headers=await world.cookie(role) | HTML)
    assert answer.status == status
    page = await answer.text()
    assert '<nav id="main-menu" popover aria-label="Main">' in page
    assert 'href="/explore"' in page
    # The link of a page that only administrators see.
    assert 'href="/users"' not in page


async def test_missing_role_is_named_beside_the_own_one(world: World) -> None:
    assert "This needs the role admin, and yours is viewer." in await world.page(
        "/users", 403, Role.VIEWER
    )


async def test_error_page_of_strangers_says_nothing_of_the_server(world: World) -> None:
    stale = {**HTML, "Cookie": "redshank_session=gone"}
    wrong = {**HTML, "Authorization": "Bearer wrong"}
    for headers in (HTML, stale, wrong):
        answer = await world.client.get("/no/such/page", headers=headers)
        assert answer.status == 404
        assert "<nav" not in await answer.text()
