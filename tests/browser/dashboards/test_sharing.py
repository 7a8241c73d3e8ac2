"""Sharing, settings and history of a dashboard in a real browser."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.layout import expect_no_overflow
from tests.patience import PATIENCE_S
from tests.system.processes import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
PLACE = {"x": 0, "y": 0, "w": 12, "h": 8}
CPU = 'sum by (mode) (rate(node_cpu_seconds_total{job="$job"}[$__rate_interval]))'
PANELS = [
    {"id": 1, "title": "CPU", "queries": [{"expr": CPU, "legend": "{{mode}}"}], "place": PLACE},
    {"id": 2, "title": "Cores", "kind": "stat", "place": {**PLACE, "x": 12}}
    | {"queries": [{"expr": "count(node_cpu_seconds_total{mode='idle'})", "instant": True}]},
    {"id": 3, "kind": "text", "text": f"**Bold** $job {HOSTILE}", "place": {**PLACE, "y": 8}},
    {"id": 4, "kind": "alertlist", "place": {**PLACE, "x": 12, "y": 8}},
]
VARIABLES = [{"name": "job", "query": "label_values(up, job)"}]


async def make(server: Server, **fields: Any) -> None:
    dashboard = {"title": "Mine", "panels": PANELS, "variables": VARIABLES, **fields}
    await server.post("/api/dashboards", {"uid": "mine", "dashboard": dashboard}, 201)


async def test_shared_dashboard_is_drawn_without_a_login_until_its_link_ends(
    page: Page, browser: Browser, scraping: Server
) -> None:
    await make(scraping, start="now-5m")
    await page.goto(f"{scraping.url}/dashboards/mine")
    await expect(page.get_by_label("job", exact=True)).to_have_value("node")
    await page.get_by_role("button", name="Share").click()
    await page.get_by_role("button", name="Create link").click()
    field = page.get_by_label("The link, shown only now")
    await expect(field).to_have_value(re.compile(f"^{scraping.url}/share/dashboards/"))
    link = await field.input_value()

    context = await browser.new_context(viewport={"width": 360, "height": 3000})
    context.set_default_timeout(PATIENCE_S * 1000)
    reader = await context.new_page()
    complaints: list[str] = []
    reader.on("pageerror", lambda error: complaints.append(str(error)))
    await reader.goto(link)
    for name in ("CPU", "Cores"):
        panel = reader.get_by_label(name, exact=True)
        await expect(panel).to_have_attribute("data-state", "drawn")
    await expect(reader.get_by_label("Cores", exact=True).locator("b")).to_have_text(
        re.compile(r"^\d+$")
    )
    text = reader.locator(".dash-text")
    await expect(text.locator("strong")).to_have_text("Bold")
    await expect(text).to_contain_text(f"node {HOSTILE}")
    await expect(reader.get_by_text("Shown to users of the server only")).to_be_visible()
    assert await reader.locator("main img").count() == 0
    await expect_no_overflow(reader, "a shared dashboard at 360 px")
    assert complaints == []

    await page.get_by_role("button", name=re.compile("End the link")).click()
    await expect(page.get_by_text("No link leads here.")).to_be_visible()
    answer = await reader.goto(link)
    assert answer is not None
    assert answer.status == 404
    await context.close()


async def test_settings_and_versions_are_changed_and_compared(page: Page, scraping: Server) -> None:
    await make(scraping)
    await page.goto(f"{scraping.url}/dashboards/mine?edit")
    await page.get_by_role("button", name="Settings").click()
    await page.get_by_label("Title of the dashboard").fill("Renamed")
    await page.get_by_role("button", name="Variable", exact=True).click()
    added = page.locator("[data-list=variables] li").last
    await added.get_by_label("Name").fill("mode")
    await added.get_by_label("Kind").select_option("custom")
    await added.get_by_label(re.compile("Query or values")).fill("idle, user")
    await page.get_by_role("button", name="Link", exact=True).click()
    await page.locator("[data-list=links] li").get_by_label("Title").fill("Same mode")
    address = page.locator("[data-list=links] li").get_by_label(re.compile("Address"))
    await address.fill("/dashboards/node?var-mode=$mode")
    await page.locator("#dashboard-settings").get_by_role("button", name="Apply").click()
    await expect(page.get_by_label("mode", exact=True)).to_have_value("idle")
    await page.get_by_label("mode", exact=True).select_option("user")
    link = page.get_by_role("link", name="Same mode")
    await expect(link).to_have_attribute("href", "/dashboards/node?var-mode=user")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Version 2")).to_be_visible()
    await page.get_by_role("button", name="History").click()
    await page.get_by_role("button", name="Compare version 1 with the newest").click()
    changes = page.locator(".dash-changes")
    await expect(changes).to_contain_text("The variable “mode” is new")
    await expect(changes).to_contain_text("title: Mine")
    await expect(changes).to_contain_text("title: Renamed")
