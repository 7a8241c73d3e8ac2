"""The query editor in the dialog of a panel: completions, errors, and keys that stay in the box."""

from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.layout import expect_no_overflow

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLACE_BEFORE: Final = """async ([text, scope, offset]) =>
    (await import("/static/dashboards/variables.js"))
        .placeBefore(text, new Map(scope), offset, "promql")"""


@pytest.fixture
def first_page() -> str:
    return "/dashboards"


@pytest.fixture
async def dialog(page: Page, url: str) -> Locator:
    """The dialog of a new panel."""
    assert page.url.startswith(url)
    await page.get_by_label("Title", exact=True).fill("Mine")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/dashboards/*edit", wait_until="load")
    await page.get_by_role("button", name="Panel", exact=True).click()
    dialog = page.get_by_role("dialog", name="Panel")
    await dialog.get_by_role("textbox", name="Title").fill("Load")
    return dialog


@pytest.mark.parametrize("width", [360, 1280])
async def test_completions_open_below_the_caret_within_the_dialog(
    page: Page, dialog: Locator, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 640})
    box = dialog.get_by_label("PromQL")
    await box.press_sequentially("sum(rat")
    await expect(dialog.locator(".completion [role=option]").first).to_contain_text("rate")
    await expect(dialog.locator(".editor-text .token-aggregation")).to_have_text("sum")
    popup, frame, line = [
        await each.bounding_box() for each in (dialog.locator(".completion"), dialog, box)
    ]
    assert popup is not None
    assert frame is not None
    assert line is not None
    assert popup["y"] > line["y"]
    assert frame["x"] <= popup["x"]
    assert popup["x"] + popup["width"] <= frame["x"] + frame["width"]
    assert popup["y"] + popup["height"] <= frame["y"] + frame["height"]
    await expect_no_overflow(page, f"completions in the dialog at {width} px")


async def test_escape_closes_the_completions_first_and_then_the_dialog(
    page: Page, dialog: Locator
) -> None:
    await dialog.get_by_label("PromQL").press_sequentially("rat")
    await expect(dialog.locator(".completion [role=option]").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog.locator(".completion")).to_be_hidden()
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()


async def test_enter_accepts_a_completion_or_starts_a_line_and_never_applies(
    page: Page, dialog: Locator
) -> None:
    box = dialog.get_by_label("PromQL")
    await box.press_sequentially("sum(rat")
    await expect(dialog.locator(".completion [role=option]").first).to_contain_text("rate")
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("sum(rate(")
    await box.press_sequentially("node_cpu_seconds_total[$__rate_interval]))")
    await expect(dialog.locator(".completion")).to_be_hidden()
    await page.keyboard.press("Enter")
    await box.press_sequentially("> 0")
    await expect(dialog).to_be_visible()
    query = "sum(rate(node_cpu_seconds_total[$__rate_interval]))\n> 0"
    await expect(box).to_have_value(query)
    await expect(dialog.locator(".dash-query-list [role=status]")).to_have_text("")

    await dialog.get_by_role("button", name="Apply").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Edit Load").click()
    await expect(box).to_have_value(query)


async def test_error_is_underlined_at_its_place_behind_a_variable(
    page: Page, dialog: Locator
) -> None:
    box, wrong = dialog.get_by_label("PromQL"), dialog.locator(".editor-text .wrong")
    await box.fill("rate(node_load1[$__rate_interval]) * (2 + ]")
    await expect(dialog.locator(".dash-query-list [role=status]")).to_contain_text("parse error")
    await expect(wrong).to_have_text("]")
    # The line of the message is read with the box.
    await expect(box).to_have_accessible_description(
        await dialog.locator(".dash-query-list [role=status]").inner_text()
    )
    await box.fill("rate(node_load1[$__rate_interval]) * (2 + 1)")
    await expect(dialog.locator(".dash-query-list [role=status]")).to_have_text("")
    await expect(wrong).to_have_count(0)


async def test_place_in_an_interpolated_query_leads_back_to_the_text(
    page: Page, dialog: Locator
) -> None:
    scope = [["w", {"values": ["15m"], "isList": False, "all": ""}]]
    # "x[15m] + y[15m] )": the text is "x[$w] + y[${w}] )".
    for offset, expected in (
        (0, 0),
        (1, 1),
        (2, 2),
        (4, 2),
        (5, 4),
        (9, 8),
        (11, 10),
        (14, 14),
        (16, 16),
    ):
        found = await page.evaluate(PLACE_BEFORE, ["x[$w] + y[${w}] )", scope, offset])
        assert found == expected, offset
