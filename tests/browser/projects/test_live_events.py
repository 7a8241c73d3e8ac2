"""The live view of events: filtered, paused, and after restarts of a real server."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, WebSocket, expect

from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.browser.test_projects import HOSTILE
from tests.ports import free_port
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Nothing is read again within an hour: what appears was announced.
SETTINGS: dict[str, Any] = {"web": {"live_interval_s": 3600}}
ROWS = "#events tbody tr"


async def send(server: Server, key: str, *names: str) -> None:
    """Send events as an application does, without a login."""
    events = [
        {"eventName": name, "anonymousId": HOSTILE, "properties": {HOSTILE: HOSTILE}}
        for name in names
    ]
    async with (
        aiohttp.ClientSession(server.url) as client,
        client.post("/v1/events/batch", json={"projectKey": key, "events": events}) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def expect_newest(page: Page, name: str) -> None:
    await expect(page.locator(ROWS).first.locator("th")).to_have_text(name)
    assert await page.evaluate("window.ran") is None
    await expect(page.locator("#events img")).to_have_count(0)


async def test_new_events_appear_with_a_filter_after_pauses_and_restarts(
    page: Page, tmp_path: Path
) -> None:
    port, sockets = free_port(), list[WebSocket]()

    def remember(opened: WebSocket) -> None:
        sockets.append(opened)

    page.on("websocket", remember)
    pause, state = page.locator("[data-live-pause]"), page.locator("#live-state")
    async with redshank_server(tmp_path / "data", SETTINGS, port=port) as server:
        key = (await server.post("/v1/projects", {"name": HOSTILE}))["projectKey"]
        await sign_in(page, server.url, f"/projects/{key}/events", ADMIN_PASSWORD)
        await expect(page.locator("#events")).to_contain_text("No events yet")
        await send(server, key, HOSTILE)
        await expect_newest(page, HOSTILE)
        await page.get_by_label("Only").fill(HOSTILE)
        await follow(page, page.get_by_role("button", name="Show", exact=True))
        await send(server, key, "other")
        await send(server, key, HOSTILE)
        await expect(page.locator(ROWS)).to_have_count(2)
        await expect_newest(page, HOSTILE)
        await pause.press("Enter")
        await expect(pause).to_have_attribute("aria-pressed", "true")
        await send(server, key, HOSTILE, "other", HOSTILE)
        await expect(page.locator(ROWS)).to_have_count(2)
        await pause.press("Enter")
        await expect(page.locator(ROWS)).to_have_count(4)
    await expect(state).to_contain_text("No connection since")
    sockets.clear()
    async with redshank_server(tmp_path / "data", SETTINGS, port=port) as server:
        await expect(state).to_be_hidden()
        await send(server, key, "other", HOSTILE)
        await expect(page.locator(ROWS)).to_have_count(5)
        await expect_newest(page, HOSTILE)
        # By a push, not by loading the page every few seconds.
        assert any(not each.is_closed() for each in sockets)
        await pause.press("Enter")
    async with redshank_server(tmp_path / "data", SETTINGS, port=port) as server:
        await send(server, key, HOSTILE)
        await expect(page.locator(ROWS)).to_have_count(5)
        await pause.press("Enter")
        await expect(page.locator(ROWS)).to_have_count(6)
        await send(server, key, HOSTILE)
        await expect(page.locator(ROWS)).to_have_count(7)
