"""From an application with the middleware to the page of its traffic."""

import asyncio
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Page, expect

from redshank_middleware import RequestReporter
from redshank_middleware.aiohttp import CONSUMER, setup
from tests.browser.drawing import expect_drawn
from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)>" + "x" * 200


async def item(request: web.Request) -> web.Response:
    request[CONSUMER] = HOSTILE if request.match_info["id"] == "1" else "shop"
    return web.Response(text="hello", status=500 if request.match_info["id"] == "2" else 200)


async def serve_requests(server: Server) -> str:
    """Serve 20 requests with the middleware; return the path of the project's traffic."""
    form = {"name": "Shop"}
    async with server.session.post(f"{server.url}/api/v1/projects/", json=form) as answer:
        key = (await answer.json())["project_key"]
    keys = f"{server.url}/api/v1/projects/{key}/api-keys/"
    async with server.session.post(keys, json={"name": "web server"}) as answer:
        secret = (await answer.json())["api_key"]
    reporter = RequestReporter(server.url, secret, flush_interval_s=0.05)
    app = web.Application()
    app.router.add_get("/items/{id}", item)
    setup(app, reporter)
    async with TestClient(TestServer(app)) as client:
        for number in range(19):
            async with client.get(f"/items/{number}"):
                pass
        async with client.get("/wp-login.php"):
            pass
        assert await asyncio.to_thread(reporter.flush, PATIENCE_S)
    assert reporter.counts.reported == 20
    await asyncio.to_thread(reporter.close)
    return f"/projects/{key}/traffic"


async def test_requests_of_an_application_are_seen_filtered_and_searched(
    page: Page, tmp_path: Path
) -> None:
    async with redshank_server(tmp_path / "data", {}) as server:
        path = await serve_requests(server)
        await sign_in(page, server.url, path, ADMIN_PASSWORD)
        log = page.locator(".traffic-log tbody tr")
        await expect(log).to_have_count(20)
        routes = page.locator(".traffic-routes tbody tr")
        await expect(routes).to_have_count(2)
        await expect(routes.first).to_contain_text("/items/{id}")
        await expect(page.get_by_text(HOSTILE).first).to_be_visible()
        charts = page.locator("canvas")
        await expect(charts).to_have_count(3)
        await expect_drawn(charts.first)
        for width in (360, 724, 768, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(page, width)

        await page.get_by_label("Status", exact=True).select_option("5xx")
        await page.get_by_role("button", name="Filter").click()
        await expect(log).to_have_count(1)
        await page.get_by_role("link", name="Clear filters").click()
        await expect(log).to_have_count(20)
        await page.goto(f"{server.url}{path}?{urlencode({'search': 'wp-LOGIN'})}")
        await expect(log).to_have_count(1)
        await expect(log.first).to_contain_text("404")
