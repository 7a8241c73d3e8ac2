"""The hosts page: selection, columns, groups, saved views, shapes, ages."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.system.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_hosts_are_selected_and_silenced_with_the_keyboard(page: Page, url: str) -> None:
    boxes = page.locator('input[name="host"]')
    await boxes.first.focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Shift+ArrowDown")
    await page.keyboard.press("Shift+ArrowDown")
    count = page.locator("#selection-count")
    await expect(count).to_have_text("3 of 30 selected")
    # An update of the rows keeps what is selected, and the focus.
    fleet = page.locator("#fleet")
    before = await fleet.inner_text()
    await expect(fleet).not_to_have_text(before, use_inner_text=True)
    await expect(count).to_have_text("3 of 30 selected")
    await expect(boxes.nth(2)).to_be_focused()
    await page.get_by_role("button", name="Silence…").press("Enter")
    await expect(page.get_by_role("heading", name="Silence 3 hosts")).to_be_visible()
    await page.get_by_label("Why").fill("kernel upgrade")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="are silenced")).to_be_visible()
    await page.goto(f"{url}/silences")
    await expect(page.locator("main")).to_contain_text("kernel upgrade")


async def test_all_shown_hosts_are_selected_and_cleared_at_once(page: Page, url: str) -> None:
    await page.goto(f"{url}/?q=db")
    await page.locator("#select-all").check()
    await expect(page.locator("#selection-count")).to_have_text("2 of 2 selected")
    await page.get_by_role("button", name="Clear").click()
    await expect(page.locator("#selection")).to_be_hidden()


async def test_columns_and_a_view_of_them_are_saved(page: Page, url: str) -> None:
    await page.get_by_text("Columns", exact=True).click()
    await page.get_by_label("CPU, last hour").check()
    await page.get_by_label("Network").uncheck()
    await page.get_by_role("button", name="Show these").click()
    await expect(page).to_have_url(re.compile("columns=status,cpu,trend|columns=status%2Ccpu"))
    await expect(page.locator("svg[data-trend] path").first).to_be_attached()
    await page.get_by_text("Save this view").click()
    await page.get_by_label("Name", exact=True).fill("<b>mine \U0001f600")
    await page.get_by_role("button", name="Save", exact=True).click()
    view = page.get_by_role("navigation", name="Saved views").get_by_role("link")
    await expect(view).to_have_text("<b>mine \U0001f600")
    await page.goto(url)
    await view.click()
    await expect(page.locator("th.column-trend")).to_be_visible()
    await expect(page.locator("th.column-network")).to_have_count(0)


async def test_hosts_are_sorted_again_as_their_figures_change(page: Page, url: str) -> None:
    await page.goto(f"{url}/?sort=cpu&order=desc")
    figures = page.locator("#fleet-rows .column-cpu .figure")

    async def falling() -> bool:
        texts = [text.rstrip("%\n ") for text in await figures.all_inner_texts()]
        shown = [int(text) for text in texts if text.isdigit()]
        return len(shown) > 20 and shown == sorted(shown, reverse=True)

    for _ in range(2):
        before = await page.locator("#fleet").inner_text()
        await expect(page.locator("#fleet")).not_to_have_text(before, use_inner_text=True)
        await until(falling, "the rows to be in order of their CPU")


@pytest.mark.parametrize("width", [360, 1280])
async def test_shapes_and_choosers_fit_the_window(page: Page, url: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    for query in (
        "view=grid",
        "columns=tags,trend,cpu,network,alerts&group=job",
        "view=grid&group=job",
    ):
        await page.goto(f"{url}/?{query}")
        for chooser in await page.locator(".chooser summary").all():
            await chooser.click()
            await expect_no_overflow(page, query)
        await page.keyboard.press("Escape")
        await expect(page.locator(".chooser[open]")).to_have_count(0)
        await page.locator('input[name="host"]').first.check()
        await expect_no_overflow(page, query)


@pytest.mark.parametrize("query", ["", "group=job", "columns=network,uptime,seen"])
async def test_the_table_fits_windows_of_every_width(page: Page, url: str, query: str) -> None:
    await page.goto(f"{url}/?{query}")
    for width in (721, 834, 961, 1100, 1180, 1181, 1440):
        await page.set_viewport_size({"width": width, "height": 800})
        await expect_no_overflow(page, f"{query} at {width} px")
