"""Takes the pictures of the documentation from a running server.

    ./run exec python -m tests.browser.screenshots URL docs/images

The password is read from REDSHANK_ADMIN_PASSWORD.
"""

import asyncio
import os
import sys
from pathlib import Path

from playwright.async_api import async_playwright

from tests.browser.chromium import launch


async def take(url: str, directory: Path) -> None:
    """Log in, and write a picture of each page into a folder."""
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(url)
        await page.get_by_label("User name").fill("admin")
        await page.get_by_label("Password").fill(os.environ["REDSHANK_ADMIN_PASSWORD"])
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("row").nth(1).wait_for()
        await page.screenshot(path=directory / "hosts.png")
        await page.get_by_role("row").nth(1).get_by_role("link").first.click()
        await page.locator("canvas").first.wait_for()
        await page.wait_for_timeout(2_000)
        await page.screenshot(path=directory / "host.png")
        await browser.close()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(take(sys.argv[1], Path(sys.argv[2])))
