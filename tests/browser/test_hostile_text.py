"""Hostile text of exporters, rules and users in a real browser: none of it runs.

The page fixture fails on every error in the console, also on scripts that the content
security policy has blocked: markup must be escaped in the first place.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = pytest.mark.browser

RUN = "window.ran=1"
HOSTILE = f"\"'><script>{RUN}</script><img src=x onerror={RUN}><svg onload={RUN}>"
MADE = f"script:text-is('{RUN}'), img, svg[onload]"
IN_LABEL = HOSTILE.replace('"', '\\"')

EXPOSITION = f"""# HELP hostile {HOSTILE}
# TYPE hostile gauge
hostile{{x="{IN_LABEL}"}} 1
hostile{{x="javascript:{RUN}"}} 2
node_load1 1
node_uname_info{{nodename="{IN_LABEL}",release="{IN_LABEL}",sysname="{IN_LABEL}"}} 1
node_filesystem_size_bytes{{device="{IN_LABEL}",fstype="ext4",mountpoint="/{IN_LABEL}"}} 100
node_filesystem_avail_bytes{{device="{IN_LABEL}",fstype="ext4",mountpoint="/{IN_LABEL}"}} 1
"""

RULES = {
    "groups": [
        {
            "name": HOSTILE,
            "rules": [
                {
                    "alert": HOSTILE,
                    "expr": 'hostile{x=~"java.*"} > 0',
                    "labels": {"severity": HOSTILE, "note": HOSTILE},
                    "annotations": {"summary": HOSTILE, "runbook_url": f"javascript:{RUN}"},
                }
            ],
        }
    ]
}


async def expose(_: web.Request) -> web.Response:
    return web.Response(text=EXPOSITION)


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server whose host, series, rule and alert are hostile; the browser is logged in."""
    rules = tmp_path / "rules.yml"
    await asyncio.to_thread(rules.write_text, json.dumps(RULES))
    settings = {
        "server": {"scrape_self": False},
        "scrape": {"interval": "1s", "timeout": "1s"},
        "alerting": {
            "evaluation_interval": "1s",
            "start_delay": "0s",
            "rule_files": [str(rules)],
        },
        "web": {"live_interval_s": 0.5},
    }
    app = web.Application()
    app.router.add_get("/metrics", expose)
    async with (
        TestServer(app) as exporter,
        redshank_server(tmp_path / "data", settings) as server,
    ):
        host = {
            "name": HOSTILE[:100],
            "url": str(exporter.make_url("/metrics")),
            "labels": {"instance": HOSTILE, "site": HOSTILE},
        }
        await server.post("/api/hosts", host, 201)

        async def alerting() -> bool:
            alerts = (await server.get("/api/alerts"))["alerts"]
            return any(alert["labels"]["alertname"] == HOSTILE for alert in alerts)

        await until(alerting, "the hostile rule to fire")
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        yield server
        await page.goto("about:blank")


async def test_no_page_runs_hostile_text(page: Page, server: Server) -> None:
    await expect(page.get_by_text("<script>").first).to_be_visible()
    (alert, *_) = (await server.get("/api/alerts"))["alerts"]
    explore = "/explore?" + urlencode({"query": "hostile", "view": "table"})
    for path in (
        "/",
        "/?group=site&columns=tags,trend,alerts&view=grid",
        f"/host/{quote(HOSTILE, safe='')}",
        "/alerts",
        f"/alerts/{alert['id']}",
        "/alerts?view=history",
        "/targets",
        "/discovery",
        "/store",
        explore,
        explore.replace("table", "graph"),
    ):
        await page.goto(server.url + path)
        # Scripts update live regions and draw charts and tables.
        await page.wait_for_load_state("load")
        shown = f"javascript:{RUN}" if "explore" in path else ""
        await expect(page.locator("main")).to_contain_text(shown)
        assert await page.evaluate("window.ran") is None, path
        assert await page.locator(MADE).count() == 0, path
        links = await page.locator("a").evaluate_all("all => all.map(a => a.protocol)")
        assert set(links) <= {"http:"}, path


@pytest.mark.slow
async def test_completion_does_not_run_hostile_text(page: Page, server: Server) -> None:
    await page.goto(server.url + "/explore")
    await page.get_by_role("textbox", name="PromQL query").fill("")
    await page.keyboard.type('hostile{x="')
    await expect(page.get_by_role("option").first).to_contain_text("script")
    assert await page.evaluate("window.ran") is None
