"""Dashboards in a real browser, over the samples of a real server and exporter."""

import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_exporter, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIELD: Final = Path(__file__).parents[3] / "shared" / "field" / "dashboards"
FILES: Final = sorted(FIELD.glob("*.json"))
PANELS: Final = ".dash-panel"
# The dashboards whose data every Linux host has.
OF_NODES: Final = ("rYdddlPWk", "7d57716318ee0dddbac5a7f451fb7753")
RATE: Final = "rate(node_cpu_seconds_total[10s])"
# Only panels in sight are queried, and those of a folded row are not.
STATES: Final = """() => {
    document.querySelector('details[open] [data-state="waiting"]')?.scrollIntoView();
    return [...document.querySelectorAll(".dash-panel")].filter(panel => panel.checkVisibility())
        .map(panel => [panel.dataset.state, panel.querySelector("h3").textContent,
            panel.querySelector(".dash-body").textContent.slice(0, 200)]);
}"""


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that scrapes this host; the browser is logged in."""
    async with redshank_exporter() as (_, address):
        jobs = [{"name": "node", "targets": [address]}]
        settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": jobs}}
        async with redshank_server(tmp_path / "data", settings) as server:

            async def scraped() -> bool:
                return bool(await server.query(RATE))

            await until(scraped, "rates")
            await sign_in(page, server.url, password=ADMIN_PASSWORD)
            yield server
            await page.goto("about:blank")


async def take(server: Server, path: str, body: Any, status: int = 201) -> Any:
    async with server.session.post(f"{server.url}/api/dashboards{path}", json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def states(page: Page) -> list[list[str]]:
    """Return the state, title and text of every panel, once none waits."""

    async def settled() -> list[list[str]]:
        found: list[list[str]] = await page.evaluate(STATES)
        return found if found and all(state != "waiting" for state, _, _ in found) else []

    found: list[list[str]] = await until(settled, "all panels to settle")
    return found


@pytest.mark.skipif(not FILES, reason="the dashboards of the field are not here")
async def test_dashboards_of_the_field_draw_what_this_host_has(page: Page, server: Server) -> None:
    for path in FILES:
        await take(server, "/import", json.loads(path.read_bytes()))
    await page.set_viewport_size({"width": 1280, "height": 3000})
    # The rows that are open at first. Rates need the second scrape of this host.
    for uid, panels in ((OF_NODES[1], 8), (OF_NODES[0], 15)):
        ends_s = time.monotonic() + PATIENCE_S
        drawn = 0
        while drawn < panels:
            assert time.monotonic() < ends_s, f"{drawn} of {panels} panels of {uid} are drawn"
            await page.goto(f"{server.url}/dashboards/{uid}?from=now-5m&to=now&refresh=")
            await expect(page.locator(PANELS).first).to_be_attached()
            found = await states(page)
            assert [one for one in found if one[0] == "failed"] == []
            assert len(found) == panels
            drawn = sum(state == "drawn" for state, _, _ in found)


async def test_address_chooses_times_and_values_of_variables(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/dashboards/node?from=now-15m&to=now&var-job=node")
    await expect(page.get_by_label("From", exact=True)).to_have_value("now-15m")
    await expect(page.locator("summary", has_text="Job: node")).to_be_visible()
    await expect(page.get_by_label("Cores").locator("b")).to_have_text(re.compile(r"^\d+$"))
    await page.get_by_label("Range", exact=True).select_option("now-1h")
    await expect(page).to_have_url(re.compile(r"/dashboards/node\?var-job=node$"))
    await page.set_viewport_size({"width": 360, "height": 800})
    await expect_no_overflow(page, "a dashboard at 360 px")


async def test_panel_is_added_moved_by_keys_saved_and_restored(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/dashboards")
    await page.get_by_label("Title", exact=True).fill("Mine")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/dashboards/*edit", wait_until="load")
    await page.get_by_role("button", name="Panel").click()
    await page.get_by_role("textbox", name="Title").fill("Load")
    await page.get_by_label("PromQL").fill("node_load1")
    await page.get_by_label("Thresholds").fill("green, 80 orange")
    await page.get_by_role("button", name="Apply").click()
    panel = page.get_by_label("Load", exact=True)
    await expect(panel).to_have_attribute("data-state", re.compile("drawn|empty"))
    await panel.get_by_role("button", name="Move Load: drag").press("ArrowRight")
    await expect(page.get_by_text("column 2, row 1, 12 columns wide")).to_be_visible()
    await page.get_by_role("button", name="Resize Load: drag").press("ArrowRight")
    await expect(page.get_by_text("column 2, row 1, 13 columns wide")).to_be_visible()
    await page.get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_text("Version 2")).to_be_visible()

    uid = page.url.split("/")[-1].partition("?")[0]
    async with server.session.get(f"{server.url}/api/dashboards/{uid}") as answer:
        saved = (await answer.json())["dashboard"]["panels"][0]
    assert saved["place"] == {"x": 1, "y": 0, "w": 13, "h": 8}
    assert saved["thresholds"][1] == {"value": 80, "color": "orange"}
    await page.reload()
    await page.get_by_role("button", name="History").click()
    await page.get_by_role("button", name="Restore version 1").click()
    await expect(page.get_by_text("Version 3")).to_be_visible()
    await expect(page.get_by_text("No panels yet")).to_be_visible()


async def test_hostile_text_of_a_dashboard_is_shown_as_text(page: Page, server: Server) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    query = {"expr": 'label_replace(vector(1), "a", "$1", "", "")', "legend": hostile}
    place = {"x": 0, "y": 0, "w": 12, "h": 8}
    panels = [
        {"id": 1, "kind": "text", "title": hostile, "text": hostile, "place": place},
        {"id": 2, "kind": "bargauge", "title": hostile, "queries": [query], "unit": hostile}
        | {"place": place | {"y": 8}, "unsupported": [hostile]},
    ]
    links = [{"title": "x", "url": "javascript:alert(1)"}]
    panels[1]["links"] = links
    body = {"uid": "evil", "dashboard": {"title": hostile, "panels": panels}}
    await take(server, "", body)
    await page.goto(f"{server.url}/dashboards/evil")
    await states(page)
    await expect(page.locator(".dash-text")).to_have_text(hostile)
    await expect(page.locator(".dash-bars span")).to_have_text(hostile)
    assert await page.locator("main img, main a[href^=javascript]").count() == 0
