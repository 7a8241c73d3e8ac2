"""The login page and the theme."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_page_without_a_login_redirects_to_the_login_page(world: World) -> None:
    answer = await world.client.get("/alerts?view=history", allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"] == "/login?next=/alerts?view%3Dhistory"


async def test_login_page_redirects_a_logged_in_browser(world: World) -> None:
    answer = await world.client.get(
        "/login?next=/targets", headers=await world.cookie(), allow_redirects=False
    )
    assert answer.headers["Location"] == "/targets"


async def test_failed_login_keeps_the_name_and_shows_the_reason(world: World) -> None:
    form = {"username": "ann", "password": "wrong", "next": "/targets"}
    answer = await world.client.post("/login", data=form)
    text = await answer.text()
    assert answer.status == 401
    assert "Wrong user name or password." in text
    assert 'value="ann"' in text
    assert 'name="next" value="/targets"' in text


async def test_chosen_theme_is_written_into_the_page(world: World) -> None:
    for cookie, expected in (("dark", 'data-theme="dark"'), ('"><b>', '<html lang="en">')):
        answer = await world.client.get("/login", headers={"Cookie": f"redshank_theme={cookie}"})
        assert expected in await answer.text()
