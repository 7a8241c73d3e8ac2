"""Follows links and sends forms, and waits until the page that follows can be used."""

from playwright.async_api import Locator, Page


async def follow(page: Page, control: Locator) -> None:
    """Click a link or a button, and return when the next page has loaded, its scripts included.

    A click does not wait for the page that it opens: another address would end the request
    before it is sent, and a key would reach the page before its scripts do.
    """
    async with page.expect_navigation():
        await control.click()
