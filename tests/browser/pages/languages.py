"""Chooses the language of the pages, as a reader does."""

from playwright.async_api import Page, expect

from tests.browser.signing_in import sign_in


async def choose_language(page: Page, url: str, language: str, password: str) -> None:
    """Log in, and choose a language in the settings."""
    await sign_in(page, url, "/settings", password)
    async with page.expect_navigation():
        await page.locator("select[name=language]").select_option(language)
        await page.locator("form:has(select[name=language]) button").first.click()
    await expect(page.locator("html")).to_have_attribute("lang", language)
