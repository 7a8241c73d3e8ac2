"""Takes the pictures of the documentation from a running server.

    ./run exec python -m tests.browser.screenshots URL docs/images

The password is read from REDSHANK_ADMIN_PASSWORD.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from playwright.async_api import Page, async_playwright

from tests.browser.chromium import launch
from tests.browser.signing_in import sign_in

PROJECT_PAGES: Final = (
    ("funnel", "light", "funnel?step=page_view&step=product_view&step=add_to_cart&step=purchase"),
    ("traffic", "dark", "traffic?range=7d"),
)
"""The pictures of projects: file, theme and path."""


async def take(url: str, directory: Path) -> None:
    """Log in, and write a picture of each page into a folder.

    The pages of a project are those of `redshank demo`; other servers have none.
    """
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await sign_in(page, url, password=os.environ["REDSHANK_ADMIN_PASSWORD"])
        await page.get_by_role("row").nth(1).wait_for()
        await page.screenshot(path=directory / "hosts.png")
        await page.get_by_role("row").nth(1).get_by_role("link").first.click()
        await page.locator("canvas").first.wait_for()
        await page.wait_for_timeout(2_000)
        await page.screenshot(path=directory / "host.png")
        await _project_pages(page, url.rstrip("/"), directory)
        await browser.close()


async def _project_pages(page: Page, url: str, directory: Path) -> None:
    projects = await (await page.request.get(f"{url}/v1/projects")).json()
    if not projects:
        return
    key = projects[0]["projectKey"]
    for name, theme, path in PROJECT_PAGES:
        await page.context.add_cookies([{"name": "redshank_theme", "value": theme, "url": url}])
        await page.goto(f"{url}/projects/{key}/{path}")
        await page.wait_for_load_state("load")
        await page.wait_for_timeout(1_000)
        await page.screenshot(path=directory / f"{name}.png")


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(take(sys.argv[1], Path(sys.argv[2])))
