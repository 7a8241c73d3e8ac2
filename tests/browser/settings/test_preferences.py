"""Preferences change what pages show, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.web.web_demo import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def first_page() -> str:
    return "/settings"


async def test_zone_and_theme_of_the_profile_apply_to_pages(page: Page, url: str) -> None:
    await page.get_by_label("Time zone").select_option("utc")
    await page.get_by_label("Appearance").select_option("dark")
    await follow(page, page.get_by_role("button", name="Save"))
    await expect(page.get_by_text("Your preferences are saved")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto(f"{url}/account")
    # Absolute times, and the whole time as the title of each.
    created = page.locator('td[data-title="created"] time').first
    await expect(created).to_have_attribute("title", re.compile(r"^\d{4}-.* UTC$"))
    shown = await created.evaluate(
        "time => time.title.includes(new Date(time.dateTime).toISOString().slice(11, 19))"
    )
    assert shown


async def test_language_of_the_profile_applies_to_the_frame(page: Page, url: str) -> None:
    await page.get_by_label("Language").select_option("de")
    await follow(page, page.get_by_role("button", name="Save"))
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.get_by_text("Ihre Vorlieben sind gespeichert.")).to_be_visible()
    await expect(page.get_by_role("link", name="Alarme").first).to_be_visible()


async def test_times_are_in_the_browsers_zone_by_default(browser: Browser, tmp_path: Path) -> None:
    async with serving(tmp_path) as url:
        context = await browser.new_context(timezone_id="Asia/Tokyo", locale="en-US")
        context.set_default_timeout(PATIENCE_S * 1000)
        page = await context.new_page()
        await sign_in(page, url, "/account")
        created = page.locator('td[data-title="created"] time').first
        await expect(created).to_have_attribute("title", re.compile(r"GMT\+9$"))
        await page.goto("about:blank")
        await context.close()


async def test_moments_typed_into_fields_are_of_the_chosen_zone(page: Page, url: str) -> None:
    await page.get_by_label("Time zone").select_option("utc")
    await follow(page, page.get_by_role("button", name="Save"))
    module = await page.locator('script[src*="frame.js"]').get_attribute("src")
    assert module is not None
    format_js = module.replace("frame.js", "lib/format.js")
    # The field's value and the moment are inverse to each other, in winter and in summer.
    for moment in ("2026-01-15T12:30:00Z", "2026-07-15T23:59:59Z"):
        found = await page.evaluate(
            """async ([module, moment]) => {
                const { inputTime, inputMoment } = await import(module);
                const text = inputTime(new Date(moment));
                return [text, inputMoment(text).toISOString()];
            }""",
            [format_js, moment],
        )
        assert found == [moment.removesuffix("Z"), moment.replace("Z", ".000Z")]
