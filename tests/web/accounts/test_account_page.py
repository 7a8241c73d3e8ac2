"""The pages of accounts and users."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.web.world import PASSWORD, World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_own_password_is_changed_and_the_browser_stays_logged_in(world: World) -> None:
    await world.user("ann")
    login = {"username": "ann", "password": PASSWORD}
    await world.client.post("/login", data=login, allow_redirects=False)
    form = {
        "current_password": PASSWORD,
        "new_password": "a new long one",
        "repeat_password": "a new long one",
    }
    unlike = await world.client.post("/account/password", data=form | {"repeat_password": "x"})
    assert "is not the same as above" in await unlike.text()
    wrong = await world.client.post("/account/password", data=form | {"current_password": "x"})
    assert "the current password is wrong" in await wrong.text()
    answer = await world.client.post("/account/password", data=form)
    assert "Your password is changed" in await answer.text()


async def test_token_is_shown_once(world: World) -> None:
    headers = await world.cookie()
    form = {"label": "grafana", "lifetime_days": "30"}
    text = await (await world.client.post("/account/tokens", data=form, headers=headers)).text()
    secret = re.search(r'data-copy="([^"]{43})"', text)
    assert secret is not None
    bearer = {"Authorization": f"Bearer {secret[1]}"}
    assert (await world.client.get("/api/session", headers=bearer)).status == 200
    assert secret[1] not in await world.page("/account")


async def test_admin_manages_users_on_their_page(world: World) -> None:
    headers = await world.cookie()
    form = {"name": "b/ob", "role": "editor", "password": "long enough for us"}
    added = await world.client.post("/users", data=form, headers=headers)
    assert "The user is added" in await added.text()
    taken = await world.client.post("/users", data=form, headers=headers)
    assert (taken.status, "is taken" in await taken.text()) == (409, True)
    path = "/users/b%2Fob"
    root = str(world.client.make_url("/")).rstrip("/")
    for action, data, notice in (
        ("password", {"password": "another long one"}, "The password is reset"),
        ("remove", {}, "The user is removed"),
    ):
        url = URL(f"{root}{path}/{action}", encoded=True)
        answer = await world.client.session.post(url, data=data, headers=headers)
        assert notice in await answer.text()
    assert await world.accounts.user("b/ob") is None
