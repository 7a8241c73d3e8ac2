"""Whole tasks without a mouse: only keys are pressed once the login page has loaded."""

import re
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.pages.filled_server import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_MOST_STOPS: Final = 300
IS_FOCUSED: Final = "element => element === document.activeElement"


async def log_in(page: Page, address: str) -> None:
    """Log in by keys; the first field of the login page has the focus."""
    await page.goto(f"{address}/login")
    await expect(page.get_by_label("User name")).to_be_focused()
    await page.keyboard.type("admin")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{address}/", wait_until="load")


async def tab_to(page: Page, control: Locator, most_stops: int = _MOST_STOPS) -> None:
    """Press Tab until a control has the focus."""
    await expect(control).to_be_visible()
    for _ in range(most_stops):
        await page.keyboard.press("Tab")
        if await control.evaluate(IS_FOCUSED):
            return
    raise AssertionError(f"{most_stops} times Tab do not lead to {control}")


async def find(page: Page, words: str, title: str) -> None:
    """Open the first thing that the palette finds for some words."""
    await page.keyboard.press("Control+k")
    await page.keyboard.type(words)
    first = page.locator("#palette").get_by_role("option").first
    await expect(first).to_contain_text(title)
    await page.keyboard.press("Enter")


async def test_from_login_to_an_edited_threshold(page: Page, address: str) -> None:
    await log_in(page, address)
    await find(page, "db-2", "db-2")
    await page.wait_for_url(re.compile("/host/"), wait_until="load")
    # Past the charts, which have many controls.
    await tab_to(page, page.get_by_role("link", name="Checks", exact=True))
    await page.keyboard.press("Enter")
    warning = page.get_by_label("CPU warning")
    await tab_to(page, warning, most_stops=10)
    await page.keyboard.press("Control+a")
    await page.keyboard.type("71")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await expect(warning).to_have_value("71")
    await expect(page.get_by_role("row", name="CPU").get_by_text("custom")).to_be_visible()
    # The shortcuts work where a box has the focus.
    await tab_to(page, page.get_by_label("CPU check on"), most_stops=10)
    await page.keyboard.press("g")
    await page.keyboard.press("h")
    await page.wait_for_url(f"{address}/", wait_until="load")


async def test_from_login_to_an_acknowledged_alert(page: Page, address: str) -> None:
    await log_in(page, address)
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url(f"{address}/alerts", wait_until="load")
    row = page.get_by_role("row").filter(has_text="pi-garage")
    await tab_to(page, row.get_by_role("button", name="Acknowledge", exact=True))
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("admin")
    await expect(row.get_by_role("button", name="Acknowledge", exact=True)).to_have_count(0)


async def test_from_login_to_a_saved_dashboard(page: Page, address: str) -> None:
    await log_in(page, address)
    await find(page, "new dashboard", "New dashboard")
    await page.wait_for_url("**/dashboards#title", wait_until="load")
    # The address leads past the list, into the field or just before it.
    title = page.get_by_label("Title", exact=True)
    if not await title.evaluate(IS_FOCUSED):
        await tab_to(page, title)
    await page.keyboard.type("My hosts")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.wait_for_url("**/dashboards/*edit", wait_until="load")
    await tab_to(page, page.get_by_role("button", name="Panel", exact=True))
    await page.keyboard.press("Enter")
    editor = page.get_by_role("dialog", name="Panel")
    await expect(editor).to_be_visible()
    await to_field(page, editor.get_by_role("textbox", name="Title"))
    await page.keyboard.type("Load")
    await to_field(page, editor.get_by_label("PromQL"))
    await page.keyboard.type("node_load1")
    await to_field(page, editor.get_by_role("button", name="Apply"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Load", exact=True)).to_be_visible()
    await tab_to(page, page.get_by_role("button", name="Save", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Version 2")).to_be_visible()


async def to_field(page: Page, control: Locator) -> None:
    """Press Tab until a control has the focus, unless it has it already."""
    if not await control.evaluate(IS_FOCUSED):
        await tab_to(page, control)
