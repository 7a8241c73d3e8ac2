"""Right-to-left, invisible and very long text stays in its place on every page."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

STRANGE: Final = "\u202eRTL\u202c \U0001f98a zero\u200bwidth \u0627\u0644\u062e\u0627\u062f\u0645"
LONG: Final = "w" * 10_240
# Names of hosts have no control characters.
HOST: Final = f"\u0627\u0644\u062e\u0627\u062f\u0645 \U0001f98a {'w' * 60}"
EXPOSITION: Final = f"""# HELP strange {STRANGE} {LONG}
# TYPE strange gauge
strange{{x="{STRANGE}"}} 1
strange{{x="{LONG}"}} 2
node_load1 1
node_uname_info{{nodename="{STRANGE}",release="{LONG}",sysname="{STRANGE}"}} 1
node_filesystem_size_bytes{{device="{LONG}",fstype="ext4",mountpoint="/{LONG}"}} 100
node_filesystem_avail_bytes{{device="{LONG}",fstype="ext4",mountpoint="/{LONG}"}} 1
"""
RULE: Final = {
    "alert": STRANGE,
    "expr": "strange > 0",
    "labels": {"severity": STRANGE, "note": LONG},
    "annotations": {"summary": f"{STRANGE} {LONG}", "description": LONG},
}
PANEL: Final = {
    "id": 1,
    "title": f"{STRANGE} {'w' * 100}",
    "queries": [{"expr": "strange"}],
    "place": {"x": 0, "y": 0, "w": 12, "h": 8},
}


async def expose(_: web.Request) -> web.Response:
    return web.Response(text=EXPOSITION)


async def fill(server: Server, url: str) -> None:
    """Make a host, a dashboard, a status page with an incident, and events."""
    host = {"name": HOST, "url": url, "labels": {"site": STRANGE, "note": LONG[:1000]}}
    created = await server.post("/api/hosts", host, 201)
    dashboard: dict[str, Any] = {"title": f"{STRANGE} {'w' * 100}", "panels": [PANEL]}
    await server.post("/api/dashboards", {"uid": "strange", "dashboard": dashboard}, 201)
    component = {"id": "one", "kind": "host", "host": created["instance"]}
    group = {"name": STRANGE, "components": [{"name": STRANGE, **component}]}
    page = {"slug": "strange", "title": f"{STRANGE} {'w' * 80}", "groups": [group]}
    await server.post("/api/status-pages", page, 201)


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server full of strange text; the browser is logged in."""
    rules = tmp_path / "rules.yml"
    groups = {"groups": [{"name": STRANGE, "rules": [RULE]}]}
    await asyncio.to_thread(rules.write_text, json.dumps(groups, ensure_ascii=False))
    settings = {
        "server": {"scrape_self": False},
        "scrape": {"interval": "1s", "timeout": "1s"},
        "alerting": {
            "evaluation_interval": "1s",
            "start_delay": "0s",
            "rule_files": [str(rules)],
        },
    }
    app = web.Application()
    app.router.add_get("/metrics", expose)
    async with (
        TestServer(app) as exporter,
        redshank_server(tmp_path / "data", settings) as server,
    ):
        await fill(server, str(exporter.make_url("/metrics")))

        async def alerting() -> bool:
            alerts = (await server.get("/api/alerts"))["alerts"]
            return [each["labels"]["alertname"] for each in alerts].count(STRANGE) == 2

        await until(alerting, "the strange rule to fire for both series")
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        yield server
        await page.goto("about:blank")


async def test_strange_text_is_shown_and_fits(page: Page, server: Server) -> None:
    (alert, *_) = (await server.get("/api/alerts"))["alerts"]
    await page.goto(server.url)
    host = await page.locator('main a[href^="/host/"]').first.get_attribute("href") or ""
    explore = "/explore?" + urlencode({"query": "strange", "view": "table"})
    for path in (
        "/",
        "/?group=site&columns=tags,trend,alerts&view=grid",
        host,
        "/alerts",
        f"/alerts/{alert['id']}",
        "/alerts?view=history",
        "/alert-rules",
        "/targets",
        "/store",
        explore,
        "/dashboards",
        "/dashboards/strange",
        "/status-pages",
        "/status/strange",
    ):
        await page.goto(server.url + path)
        shown = HOST if path == "/" or "/host/" in path else STRANGE
        if path != "/store":
            await expect(page.get_by_text(shown).first).to_be_attached()
        for width in (360, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(page, f"{path} at {width} px")
