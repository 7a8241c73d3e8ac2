"""Chooses the language of the pages, as a reader does."""

from playwright.async_api import Page, expect

from tests.browser.signing_in import sign_in


async def choose_language(page: Page, url: str, language: str, password: str) -> None:
    """Choose a language in the settings; log in first if nobody is."""
    await page.goto(f"{url}/settings")
    if "/login" in page.url:
        await sign_in(page, url, "/settings", password)
    async with page.expect_navigation():
        await page.locator("select[name=language]").select_option(language)
        await page.locator("form:has(select[name=language]) button").first.click()
    await expect(page.locator("html")).to_have_attribute("lang", language)
