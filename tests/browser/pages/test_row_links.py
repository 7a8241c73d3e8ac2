"""Rows of tables that stand for one thing open it, and stay text that can be selected."""

import re

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def first_page() -> str:
    return "/alerts"


async def test_click_beside_the_link_opens_the_row(page: Page, url: str) -> None:
    await page.get_by_role("row").filter(has_text="/srv/backup").locator(".column-why").click()
    await page.wait_for_url(re.compile("/alerts/[0-9]+$"), wait_until="load")


async def test_click_with_control_opens_a_new_tab(page: Page, url: str) -> None:
    cell = page.get_by_role("row").filter(has_text="/srv/backup").locator(".column-why")
    async with page.context.expect_page() as opening:
        await cell.click(modifiers=["Control"])
    opened = await opening.value
    await opened.wait_for_url(re.compile("/alerts/[0-9]+$"))
    await opened.close()
    await expect(page).to_have_url(f"{url}/alerts")


async def test_text_of_a_row_is_selected_by_dragging(page: Page, url: str) -> None:
    cell = page.get_by_role("row").filter(has_text="/srv/backup").locator(".column-why")
    box = await cell.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + 14, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 90, middle, steps=5)
    await page.mouse.up()
    await expect(page).to_have_url(f"{url}/alerts")
    assert await page.evaluate("getSelection().toString()") != ""


async def test_controls_of_a_row_do_what_they_say(page: Page, url: str) -> None:
    row = page.get_by_role("row").filter(has_text="pi-garage")
    await row.get_by_role("button", name="Acknowledge", exact=True).click()
    await expect(row).to_contain_text("admin")
    await expect(page).to_have_url(f"{url}/alerts")


async def test_rows_stay_out_of_the_order_of_tab(page: Page, url: str) -> None:
    """The row's link is the one accessible way to what the row stands for."""
    rows = page.locator(".grid tbody tr")
    await expect(rows.first).to_be_visible()
    assert await page.locator(".grid tr:is([tabindex], [role])").count() == 0
