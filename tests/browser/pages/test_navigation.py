"""Lists of pages take one row: the navigation and others are menus in a narrow window."""

from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import violations
from tests.browser.pages.languages import choose_language
from web.http.viewing.view import LANGUAGES

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDEST_MENU: Final = 950
IN_ONE_ROW: Final = """links => new Set(links.filter(link => link.checkVisibility())
    .map(link => link.getBoundingClientRect().top)).size === 1"""


@pytest.fixture
def first_page() -> str:
    return "/alerts"


@pytest.fixture(autouse=True)
async def narrow(page: Page) -> None:
    """Make the window narrow before the first page is shown."""
    await page.set_viewport_size({"width": 360, "height": 640})


def menu_of(page: Page) -> Locator:
    return page.locator("#main-menu")


async def test_menu_is_opened_and_closed_by_keys(page: Page, url: str) -> None:
    button, menu = page.get_by_role("button", name="Menu"), menu_of(page)
    await expect(menu).to_be_hidden()
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(menu).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.press("Tab")
    await expect(menu.get_by_role("link").first).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(button).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{url}/", wait_until="load")
    await expect(menu).to_be_hidden()


async def test_menu_marks_the_current_page_and_counts_alerts(page: Page, url: str) -> None:
    button, menu = page.get_by_role("button", name="Menu"), menu_of(page)
    assert url in page.url
    count = await page.locator("#menu-badge").text_content()
    assert count
    await button.click()
    current = menu.locator("[aria-current=page]")
    await expect(current).to_have_attribute("href", "/alerts")
    await expect(current.locator("#alert-badge")).to_have_text(count)
    await page.mouse.click(180, 620)
    await expect(menu).to_be_hidden()


async def test_a_window_that_becomes_wide_shows_the_navigation_in_its_bar(
    page: Page, url: str
) -> None:
    assert url in page.url
    await page.get_by_role("button", name="Menu").click()
    await page.set_viewport_size({"width": 1280, "height": 640})
    menu = menu_of(page)
    await expect(page.locator("#main-menu:popover-open")).to_have_count(0)
    await expect(menu).to_be_visible()
    await expect(page.locator(".menu-button")).to_be_hidden()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_bar_has_one_row_of_links(page: Page, url: str, language: str) -> None:
    if language != "en":
        await choose_language(page, url, language, "")
    for width in (320, 360, WIDEST_MENU, WIDEST_MENU + 1, 1280):
        await page.set_viewport_size({"width": width, "height": 640})
        await page.goto(f"{url}/alerts")
        is_menu = await page.locator(".menu-button").is_visible()
        assert is_menu == (width <= WIDEST_MENU), width
        if is_menu:
            height = await page.locator(".topbar").evaluate("bar => bar.offsetHeight")
            assert height <= 50, width
        else:
            assert await menu_of(page).locator("a").evaluate_all(IN_ONE_ROW), width
        await expect_no_overflow(page, f"{language} at {width} px")


@pytest.mark.parametrize(
    ("path", "current", "other"),
    [
        ("/settings", "Settings: Preferences", "/settings/about"),
        ("/sessions/usage", "AI sessions: Teams and cost", "/sessions/insights"),
    ],
)
async def test_pages_of_one_subject_are_a_menu_of_a_narrow_window(
    page: Page, url: str, path: str, current: str, other: str
) -> None:
    await page.goto(f"{url}{path}", wait_until="load")
    button, menu = page.locator(".fold-button"), page.locator(".fold")
    await expect(button).to_have_accessible_name(current)
    await expect(menu).to_be_hidden()
    await button.press("Enter")
    await expect(menu.locator("[aria-current=page]")).to_have_attribute("href", path)
    assert await violations(page) == []
    await expect_no_overflow(page, f"the menu of {path}")
    await page.keyboard.press("Escape")
    await expect(menu).to_be_hidden()
    await expect(button).to_be_focused()

    await button.press("Enter")
    await page.set_viewport_size({"width": 1280, "height": 640})
    await expect(page.locator(".fold:popover-open")).to_have_count(0)
    await expect(menu).to_be_visible()
    await expect(button).to_be_hidden()
    await page.set_viewport_size({"width": 360, "height": 640})
    await button.press("Enter")
    await menu.locator(f'[href="{other}"]').press("Enter")
    await page.wait_for_url(f"{url}{other}")
