"""The pages of sessions show what the store has, and refuse what they should."""

import html
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import HttpUrl
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.sessions.test_sessions_api import TRACE, ingest
from tests.web.world import World, world_at
from web.sessions.agent_settings import agent_settings
from web.settings import WebSettings

PAGES = ("", "/usage", "/profile", "/insights", "/prices", "/setup")


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_every_page_is_shown_with_and_without_sessions(world: World) -> None:
    for path in PAGES:
        await world.page(f"/sessions{path}", role=Role.VIEWER)
    assert "Set up an agent" in await world.page("/sessions")
    await ingest(world, developer="ann", team="core", project="shop")
    for path in PAGES:
        await world.page(f"/sessions{path}", role=Role.VIEWER)
    text = await world.page("/sessions")
    assert "2 sessions" in text
    assert "unpriced" in text
    assert "No sessions match" in await world.page("/sessions?developer=bob")
    usage = await world.page("/sessions/usage")
    assert "Models without a price" in usage
    assert "core" in usage


async def test_session_shows_its_timeline(world: World) -> None:
    await ingest(world)
    text = await world.page("/sessions/s-1")
    for told in ("Timeline", "Edit", "Request", "Prompts and inputs of tools are not stored"):
        assert told in text
    await world.page("/sessions/no-such-session", 404)


async def test_insights_page_says_why_it_refuses(world: World) -> None:
    await ingest(world, TRACE)
    text = await world.page("/sessions/insights?days=7&lag=2")
    assert "at least 30 are needed" in text
    assert "Ask for a longer range" in text
    assert "<table" not in text


async def post(world: World, path: str, role: Role, **fields: str) -> tuple[int, str]:
    headers = {**await world.cookie(role), "Sec-Fetch-Site": "same-origin"}
    answer = await world.client.post(path, data=fields, headers=headers, allow_redirects=False)
    return answer.status, await answer.text()


async def test_setup_creates_a_key_that_may_push_and_nothing_else(world: World) -> None:
    assert (await post(world, "/sessions/setup", Role.VIEWER))[0] == 403
    status, text = await post(world, "/sessions/setup", Role.EDITOR)
    assert status == 200
    secret = text.partition("REDSHANK_TOKEN=")[2].split("\n")[0].split("<")[0].strip("'")
    headers = {"Authorization": f"Bearer {secret}"}
    answer = await world.client.post("/api/sessions/ingest", data=TRACE, headers=headers)
    assert answer.status == 200
    assert (await world.client.get("/api/sessions", headers=headers)).status == 403


async def test_setup_shows_the_address_with_the_key(world: World) -> None:
    assert "REDSHANK_URL=YOUR-SERVER" in await world.page("/sessions/setup")
    _, text = await post(world, "/sessions/setup", Role.EDITOR)
    assert f"REDSHANK_URL={world.client.make_url('/').origin()}" in text


async def test_setup_shows_the_configured_address(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(public_url=HttpUrl("http://watch.example/"))
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        assert "REDSHANK_URL=http://watch.example" in await world.page("/sessions/setup")


async def test_setup_shows_settings_of_agents_with_address_and_key(world: World) -> None:
    _, text = await post(world, "/sessions/setup", Role.EDITOR)
    secret = text.partition("REDSHANK_TOKEN=")[2].split("\n")[0].split("<")[0].strip("'")
    origin = str(world.client.make_url("/").origin())
    shown = html.unescape(text)
    for one in agent_settings(origin, secret):
        for part in one.texts:
            assert shown.count(part.text) >= 2, (one.agent, part.place)
    assert secret
    assert "YOUR-KEY" not in shown


PRICE = {
    "model": "brand-new-model",
    "effective_from": "2025-01-01",
    "input": "1",
    "output": "2",
    "cache_read": "0",
    "cache_write_5m": "0",
    "cache_write_1h": "0",
}


async def test_admin_sets_and_removes_a_price(world: World) -> None:
    await ingest(world)
    assert (await post(world, "/sessions/prices", Role.EDITOR, **PRICE))[0] == 403
    status, text = await post(world, "/sessions/prices", Role.ADMIN, **{**PRICE, "input": "x"})
    assert status == 400
    assert 'aria-invalid="true"' in text
    assert (await post(world, "/sessions/prices", Role.ADMIN, **PRICE))[0] == 303
    assert "yours" in await world.page("/sessions/prices")
    assert "Without a price" not in await world.page("/sessions/prices")
    named = {name: PRICE[name] for name in ("model", "effective_from")}
    assert (await post(world, "/sessions/prices/remove", Role.ADMIN, **named))[0] == 303
    assert "Without a price" in await world.page("/sessions/prices")


async def test_strangers_who_registered_see_no_page(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(registration=True)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        for path in PAGES:
            await world.page(f"/sessions{path}", 403, Role.VIEWER)
            await world.page(f"/sessions{path}", 200, Role.EDITOR)
        assert "AI sessions" not in await world.page("/", role=Role.VIEWER)
