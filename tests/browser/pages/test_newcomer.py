"""The way of docs/ui.md: from `redshank up` to a chart, an alert, a dashboard, a public page."""

import re
import socket
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.drawing import expect_drawn
from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.ports import free_port
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SETTINGS: Final = {
    "scrape": {"interval": "1s", "timeout": "1s"},
    "alerting": {"evaluation_interval": "1s"},
    "web": {"live_interval_s": 0.5},
}


async def test_newcomer_sees_a_chart_an_alert_a_dashboard_and_a_public_page(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    exporter = f"127.0.0.1:{free_port()}"
    flags = ("--exporter-listen", exporter)
    async with redshank_server(tmp_path / "data", SETTINGS, "up", *flags) as server:
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        await to_the_charts(page)
        await to_an_explained_alert(page)
        await to_a_dashboard(page)
        await to_a_probe(page, server.url)
        await to_a_public_page(page)
        await seen_by_everybody(browser, server)
        await page.goto("about:blank")


async def to_the_charts(page: Page) -> None:
    row = page.locator("#fleet-rows tr").first
    await expect(row).to_contain_text("Up")
    # Beside the name, where only the row is a target.
    await row.locator(".column-status").click()
    await page.wait_for_url("**/host/**", wait_until="load")
    await expect_drawn(page.locator(".chart canvas").first)


async def to_an_explained_alert(page: Page) -> None:
    """Change one threshold on the host's page, and acknowledge the alert that it causes."""
    await page.get_by_label("Memory warning").fill("0.1")
    await page.get_by_label("Memory holds for", exact=True).fill("0")
    row = page.get_by_role("row", name="Memory").filter(has=page.get_by_label("Memory warning"))
    await follow(page, row.get_by_role("button", name="Save"))
    await expect(row.get_by_text("custom")).to_be_visible()
    await page.get_by_role("link", name="Alerts").first.click()
    alert = page.get_by_role("row").filter(has_text="HostHighMemory")
    await expect(alert).to_contain_text(re.compile("Warning|Critical"))
    await follow(page, alert.get_by_role("link", name="HostHighMemory"))
    await expect_drawn(page.locator("#value-chart canvas"))
    await expect(page.locator('[data-reason="firing"]')).to_contain_text("It fires since")
    await follow(page, page.get_by_role("button", name="Acknowledge", exact=True).first)
    await expect(page.locator(".timeline")).to_contain_text("Acknowledged by admin")


async def to_a_dashboard(page: Page) -> None:
    await follow(page, page.get_by_role("link", name="Dashboards").first)
    await page.get_by_label("Title", exact=True).fill("My host")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/dashboards/*edit", wait_until="load")
    await page.get_by_role("button", name="Panel", exact=True).click()
    await page.get_by_role("textbox", name="Title").fill("Load")
    await page.get_by_label("PromQL").fill("node_load1")
    await page.get_by_role("button", name="Apply").click()
    panel = page.get_by_label("Load", exact=True)
    # Empty until the samples of a minute are there: panels ask at times on a grid.
    await expect(panel).to_have_attribute("data-state", re.compile("drawn|empty"))
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Version 2")).to_be_visible()
    await page.goto(page.url.partition("?")[0])
    await expect(panel).to_have_attribute("data-state", "drawn")


async def to_a_probe(page: Page, url: str) -> None:
    await follow(page, page.get_by_role("link", name="Probes").first)
    await follow(page, page.get_by_role("link", name="New probe").first)
    await page.get_by_label("Name", exact=True).fill("shop")
    await page.get_by_label("Address").fill(f"{url}/health")
    # A busy machine is slow to answer, not down.
    await page.get_by_label("Every").fill("15s")
    await page.get_by_label("Time-out").fill("14s")
    await page.get_by_label("Retries").fill("0")
    await follow(page, page.get_by_role("button", name="Test now"))
    await expect(page.get_by_text("The probe succeeds")).to_be_visible()
    await follow(page, page.get_by_role("button", name="Add probe"))
    await expect(page.get_by_role("row").filter(has_text="shop")).to_contain_text("Up")


async def to_a_public_page(page: Page) -> None:
    await follow(page, page.get_by_role("link", name="Status pages").first)
    await follow(page, page.get_by_role("link", name="New status page").first)
    await page.get_by_label("Title").fill("Acme")
    await page.get_by_label("Address").fill("acme")
    await page.get_by_label("Name of component 1").fill("Shop")
    await page.get_by_label("Probe, host or PromQL of component 1").fill("shop")
    await page.get_by_label("Name of component 2").fill("Server")
    # The name of the host, as the page Hosts shows it: the form finds out that it is no probe.
    await page.get_by_label("Probe, host or PromQL of component 2").fill(socket.gethostname())
    await follow(page, page.get_by_role("button", name="Create the page"))
    await expect(page.get_by_role("link", name="Show the page")).to_be_visible()


async def seen_by_everybody(browser: Browser, server: Server) -> None:
    """Open the page without a login."""

    async def is_operational() -> bool:
        return bool((await server.get("/status/acme.json"))["state"] == "operational")

    await until(is_operational, "the public page to be operational")
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    visitor = await context.new_page()
    await visitor.goto(f"{server.url}/status/acme")
    await expect(visitor.get_by_role("heading", name="Acme")).to_be_visible()
    await expect(visitor.locator("main")).to_contain_text("Shop")
    await expect(visitor.locator("main")).to_contain_text("Server")
    await context.close()
