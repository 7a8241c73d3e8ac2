"""The dialog of a panel draws the panel as edited before anything is applied."""

import re
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.layout import expect_no_overflow
from tests.system.processes import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAWN: Final = re.compile("^Drawn at ")
CHANGED: Final = "The fields have changed since the preview was drawn."
PANEL: Final[dict[str, Any]] = {
    "id": 2,
    "kind": "stat",
    "title": "Load of $period",
    "place": {"x": 0, "y": 1, "w": 12, "h": 8},
    "queries": [{"expr": "vector(1)", "legend": "$period"}],
    "repeat": "",
}
ROW: Final[dict[str, Any]] = {
    "id": 1,
    "kind": "row",
    "title": "$period",
    "place": {"x": 0, "y": 0, "w": 24, "h": 1},
    "repeat": "period",
}
PERIODS: Final[dict[str, Any]] = {
    "name": "period",
    "kind": "custom",
    "query": "5m, 15m",
    "multi": True,
    "include_all": True,
    "current": ["5m", "15m"],
}


@pytest.fixture
async def dialog(page: Page, scraping: Server) -> Locator:
    """The dialog of a panel in a row that is repeated by a variable."""
    dashboard = {"title": "Mine", "panels": [ROW, PANEL], "variables": [PERIODS]}
    body = {"uid": "mine", "dashboard": dashboard}
    async with scraping.session.post(f"{scraping.url}/api/dashboards", json=body) as answer:
        assert answer.status == 201, await answer.text()
    await page.goto(f"{scraping.url}/dashboards/mine?edit")
    await page.get_by_role("button", name="Edit Load of $period").first.click()
    dialog = page.get_by_role("dialog", name="Panel")
    await expect(dialog).to_be_visible()
    return dialog


def preview_of(dialog: Locator) -> Locator:
    return dialog.get_by_role("region", name="Preview")


async def test_preview_draws_the_fields_and_cancel_leaves_the_panel(
    page: Page, dialog: Locator
) -> None:
    preview = preview_of(dialog)
    # The panel as it is, for the first value of its row.
    await expect(preview.locator(".dash-panel h3")).to_have_text("Load of 5m")
    await expect(preview.locator(".dash-stats b")).to_have_text("1")
    await expect(preview.get_by_role("status")).to_have_text(DRAWN)

    await dialog.get_by_label("PromQL").fill("vector(3)")
    await expect(preview.get_by_role("status")).to_have_text(CHANGED)
    await page.keyboard.press("Control+Enter")
    await expect(preview.locator(".dash-stats b")).to_have_text("3")
    await expect(preview.get_by_role("status")).to_have_text(DRAWN)

    await dialog.get_by_label("Unit").fill("s")
    await expect(preview.get_by_role("status")).to_have_text(CHANGED)
    await dialog.get_by_role("button", name="Try").press("Enter")
    await expect(preview.locator(".dash-stats b")).to_have_text("3 s")

    await dialog.get_by_role("button", name="Cancel").click()
    await expect(page.locator("#board .dash-stats b").first).not_to_have_text("3 s")
    await page.get_by_role("button", name="Edit Load of $period").first.click()
    await expect(dialog.get_by_label("PromQL")).to_have_value("vector(1)")


async def test_refused_query_fails_in_the_preview_as_in_the_panel(
    page: Page, dialog: Locator
) -> None:
    await dialog.get_by_label("PromQL").fill("sum(")
    await page.keyboard.press("Control+Enter")
    problem = preview_of(dialog).locator(".dash-panel .problem")
    await expect(problem).to_contain_text("unclosed left parenthesis")
    await expect(preview_of(dialog).get_by_role("status")).to_have_text(await problem.inner_text())
    shown = await problem.inner_text()
    await dialog.get_by_role("button", name="Apply").click()
    await expect(page.locator("#board .dash-panel .problem").first).to_have_text(shown)


async def test_thresholds_that_cannot_be_read_are_named_and_nothing_is_drawn(
    page: Page, dialog: Locator
) -> None:
    await expect(preview_of(dialog).get_by_role("status")).to_have_text(DRAWN)
    await dialog.get_by_label("Thresholds").fill("green, eighty or so")
    await page.keyboard.press("Control+Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("not “eighty or so”")
    await expect(preview_of(dialog).get_by_role("status")).to_have_text(CHANGED)
    await dialog.get_by_label("Thresholds").fill("green, 80 rgb(255, 128, 0)")
    await page.keyboard.press("Control+Enter")
    await expect(dialog.get_by_role("alert")).to_have_text("")
    await expect(preview_of(dialog).get_by_role("status")).to_have_text(DRAWN)


async def test_preview_on_a_narrow_screen_is_scrolled_to(page: Page, dialog: Locator) -> None:
    await page.set_viewport_size({"width": 360, "height": 640})
    await dialog.get_by_label("PromQL").fill("vector(3)")
    await page.keyboard.press("Control+Enter")
    await expect(preview_of(dialog).locator(".dash-stats b")).to_have_text("3")
    await expect(preview_of(dialog).locator(".dash-stats b")).to_be_in_viewport()
    await expect_no_overflow(page, "the preview of a panel at 360 px")


async def test_variables_of_the_dashboard_complete_in_ranges_and_in_strings(
    page: Page, dialog: Locator
) -> None:
    box, options = dialog.get_by_label("PromQL"), dialog.locator(".completion [role=option]")
    await box.fill("")
    await box.press_sequentially("rate(node_cpu_seconds_total[$")
    await expect(options.first).to_contain_text("period")
    await expect(dialog.locator(".completion-detail")).to_have_text("Now: 5m, 15m")
    await page.keyboard.press("Tab")
    await box.press_sequentially(']) + up{job="${__inter')
    await expect(options.first).to_contain_text("__interval")
    await page.keyboard.press("Enter")
    await box.press_sequentially('"}')
    query = 'rate(node_cpu_seconds_total[$period]) + up{job="${__interval}"}'
    await expect(box).to_have_value(query)
