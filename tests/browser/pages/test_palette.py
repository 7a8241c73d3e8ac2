"""The command palette and the keys of every page, without a mouse."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.axe import violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def first_page() -> str:
    return "/alerts"


async def test_palette_finds_and_opens_a_host_by_keys(page: Page, url: str) -> None:
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Host, page, metric, alert or action")
    await expect(box).to_be_focused()
    options = page.locator("#palette").get_by_role("option")
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.type("edge")
    await expect(options.first).to_contain_text("edge-ams")
    await page.keyboard.press("ArrowDown")
    second = options.nth(1)
    await expect(second).to_have_attribute("aria-selected", "true")
    await expect(box).to_have_attribute("aria-activedescendant", "palette-1")
    await expect(second).to_contain_text("edge-fra")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/host/10.0.1.11:9100", wait_until="load")


async def test_palette_says_that_nothing_matches_and_closes(page: Page, url: str) -> None:
    await page.keyboard.press("/")
    dialog = page.get_by_role("dialog", name="Find anything")
    await page.keyboard.type("zzqqzz")
    await expect(dialog.get_by_role("status")).to_have_text("Nothing matches")
    await expect(page.locator("#palette").get_by_role("option")).to_have_count(0)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page).to_have_url(f"{url}/alerts")


async def test_enter_opens_the_first_entry_before_it_is_shown(page: Page, url: str) -> None:
    """Who types faster than the server answers gets what the answer lists first."""
    await page.keyboard.press("Control+k")
    await page.keyboard.type("sto")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/store", wait_until="load")


async def test_actions_switch_the_theme_and_log_out(page: Page, url: str) -> None:
    html = page.locator("html")
    for expected in ("dark", "light"):
        await page.keyboard.press("Control+k")
        await page.keyboard.type("switch theme")
        await expect(page.locator("#palette").get_by_role("option").first).to_contain_text(
            "Switch the theme"
        )
        async with page.expect_response("**/settings/theme"):
            await page.keyboard.press("Enter")
        await expect(html).to_have_attribute("data-theme", expected)
        await page.reload()
        assert await html.get_attribute("data-theme") == expected
    # The third time, the theme is the system's again, after a reload too.
    async with page.expect_response("**/settings/theme"):
        await page.get_by_role("button", name="Theme: light").press("Enter")
    await expect(html).not_to_have_attribute("data-theme", "light")
    await page.reload()
    assert await html.get_attribute("data-theme") is None
    await expect(page.get_by_role("button", name="Theme: automatic")).to_be_visible()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("log out")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/login*")


async def test_keys_list_themselves_and_open_pages(page: Page, url: str) -> None:
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("link", name="Explore")).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("g")
    await page.keyboard.press("h")
    await page.wait_for_url(f"{url}/", wait_until="load")
    await page.keyboard.press("f")
    await expect(page.locator("#search")).to_be_focused()
    # Letters that are typed into a field are no shortcuts.
    await page.keyboard.type("ga?")
    await expect(page.locator("#search")).to_have_value("ga?")
    await expect(dialog).to_be_hidden()


async def test_open_palette_is_accessible_and_fits_a_telephone(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.get_by_role("button", name="Find anything").press("Enter")
    await page.keyboard.type("node")
    await expect(page.locator("#palette").get_by_role("option").first).to_be_visible()
    assert await violations(page) == []
    for theme in ("light", "dark"):
        await page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        assert await violations(page, "color-contrast") == []
    box = await page.locator("#palette").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 360
