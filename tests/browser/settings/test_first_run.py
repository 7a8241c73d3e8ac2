"""The first steps of an empty server, in a real browser with real processes."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, redshank_exporter, redshank_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SETTINGS = {
    "scrape": {"interval": "1s", "timeout": "1s"},
    "web": {"live_interval_s": 0.5},
}


async def test_newcomer_gets_from_an_empty_server_to_a_tested_channel(
    page: Page, tmp_path: Path
) -> None:
    received: list[str] = []

    async def hook(request: web.Request) -> web.Response:
        received.append(await request.text())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with (
        TestServer(app) as chat,
        redshank_exporter() as (_, address),
        redshank_server(tmp_path / "data", SETTINGS) as server,
    ):
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        steps = page.locator("#first-steps")
        await expect(steps.get_by_text("redshank exporter", exact=True)).to_be_visible()
        await page.set_viewport_size({"width": 360, "height": 800})
        await expect_no_overflow(page, "the first steps")
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.get_by_label("Name of the host").fill("web-1")
        await page.get_by_label("Its address").fill(address)
        await follow(page, page.get_by_role("button", name="Add this host"))
        # Without a reload.
        await expect(steps).to_contain_text("Samples of web-1 arrive")
        await expect(steps.locator('[data-done="true"]')).to_have_count(3)
        await page.get_by_label("URL").fill(str(chat.make_url("/hook")))
        await follow(page, page.get_by_role("button", name="Add the channel"))
        await follow(page, page.get_by_role("button", name="Send a test"))
        await expect(steps).to_be_hidden()
        assert len(received) == 1
        await page.goto("about:blank")
