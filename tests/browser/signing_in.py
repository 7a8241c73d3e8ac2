"""Logs in through the login page, and waits until the page that follows can be used."""

from playwright.async_api import Page


async def sign_in(
    page: Page, url: str, target: str = "/", password: str = "demo-password", name: str = "admin"
) -> None:
    """Log in and return when the target page has loaded, its scripts included.

    A key that is pressed before the scripts run is lost, so that to see the page's markup
    is not enough.

    Args:
        page: the page to use.
        url: the server's address.
        target: the path that follows the login.
        password: the user's password.
        name: the user's name.
    """
    await enter_password(page, url, target, password, name)
    await page.wait_for_url(f"{url.rstrip('/')}{target}", wait_until="load")


async def enter_password(
    page: Page, url: str, target: str = "/", password: str = "demo-password", name: str = "admin"
) -> None:
    """Fill in the login form and send it, whatever the server answers."""
    await page.goto(f"{url.rstrip('/')}/login?next={target}")
    # Not by their labels: the login page is in the browser's language.
    await page.locator("[name=username]").fill(name)
    await page.locator("[name=password]").fill(password)
    await page.keyboard.press("Enter")
