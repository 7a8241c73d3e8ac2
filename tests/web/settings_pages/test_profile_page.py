"""The page of preferences, and the view that they choose."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at
from web.http.viewing.view import THEME_COOKIE
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, server_zone="Europe/Berlin") as world:
        yield world


async def save(world: World, role: Role = Role.ADMIN, **form: str) -> str:
    headers = await world.cookie(role)
    answer = await world.client.post("/settings", data=form, headers=headers)
    return await answer.text()


async def test_preferences_are_saved_and_shown(world: World) -> None:
    text = await save(world, zone="server", language="de", theme="dark")
    assert '<option value="server" selected>' in text
    assert "Europe/Berlin" in text
    text = await world.page("/settings")
    assert '<option value="de" lang="de" selected>' in text
    assert '<option value="dark" selected>' in text


async def test_preferences_apply_to_pages_of_this_user_only(world: World) -> None:
    await save(world, theme="dark")
    world.client.session.cookie_jar.clear()
    assert 'data-theme="dark"' in await world.page("/targets")
    assert "data-theme" not in await world.page("/targets", role=Role.VIEWER)


async def choose_theme(world: World, theme: str, cookie: str = "") -> ClientResponse:
    headers = {"Cookie": cookie} if cookie else await world.cookie()
    return await world.client.post("/settings/theme", data={"theme": theme}, headers=headers)


async def test_theme_of_the_button_is_the_users_preference(world: World) -> None:
    """In every browser, whatever its cookie says, and with the other preferences kept."""
    await save(world, zone="utc", theme="light")
    answer = await choose_theme(world, "dark")
    assert answer.status == 204
    assert answer.cookies[THEME_COOKIE].value == "dark"
    world.client.session.cookie_jar.clear()
    headers = await world.cookie()
    headers["Cookie"] += f"; {THEME_COOKIE}=light"
    page = await world.client.get("/settings", headers=headers)
    text = await page.text()
    assert 'data-theme="dark"' in text
    assert '<option value="dark" selected>' in text
    assert '<option value="utc" selected>' in text
    # The copy for pages without a login follows.
    assert page.cookies[THEME_COOKIE].value == "dark"


async def test_automatic_theme_deletes_the_cookie(world: World) -> None:
    await save(world, theme="dark")
    answer = await choose_theme(world, "")
    assert answer.cookies[THEME_COOKIE]["max-age"] == "0"
    assert "data-theme" not in await world.page("/settings")


async def test_page_writes_no_cookie_that_is_right(world: World) -> None:
    headers = await world.cookie()
    assert THEME_COOKIE not in (await world.client.get("/targets", headers=headers)).cookies


async def test_unknown_theme_is_refused(world: World) -> None:
    assert (await choose_theme(world, "pink")).status == 400
    assert "data-theme" not in await world.page("/settings")


async def test_anonymous_viewers_browser_keeps_the_theme(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(anonymous_viewer=True)
    async with world_at(tmp_path, aiohttp_client, settings=settings) as world:
        answer = await choose_theme(world, "dark", "x=y")
        assert answer.cookies[THEME_COOKIE].value == "dark"
        headers = {"Cookie": f"{THEME_COOKIE}=dark"}
        page = await world.client.get("/targets", headers=headers)
        assert 'data-theme="dark"' in await page.text()


async def test_hidden_steps_survive_a_change_of_preferences(world: World) -> None:
    await world.client.post("/first-steps/hide", headers=await world.cookie())
    await save(world, zone="utc")
    assert 'class="first-steps"' not in await world.page("/")


@pytest.mark.parametrize(
    "form", [{"zone": "Mars/Olympus"}, {"language": "xx"}, {"theme": "pink"}, {"other": "x"}]
)
async def test_unknown_value_is_refused(world: World, form: dict[str, str]) -> None:
    headers = await world.cookie()
    answer = await world.client.post("/settings", data=form, headers=headers)
    assert answer.status == 400


async def test_about_page_names_the_software_with_its_licences(world: World) -> None:
    text = await world.page("/settings/about", role=Role.VIEWER)
    for name in ("aiohttp", "numpy", "uplot", "OFL-1.1"):
        assert name in text
    # What only developers install.
    assert "pytest" not in text


async def test_navigation_offers_what_the_reader_may_use(world: World) -> None:
    assert 'href="/settings/backups"' in await world.page("/settings")
    assert 'href="/settings/backups"' not in await world.page("/settings", role=Role.EDITOR)
