"""What the page of a host asks for before its first chart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.drawing import expect_drawn
from tests.browser.signing_in import sign_in
from tests.web.web_demo import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOST = "/host/10.0.1.16:9100"


@pytest.fixture
async def url(tmp_path: Path, page: Page) -> AsyncIterator[str]:
    async with serving(tmp_path) as url:
        await sign_in(page, url)
        yield url
        await page.goto("about:blank")


@pytest.mark.parametrize(
    ("query", "language"),
    [("", "en"), ("?range=6h", "de"), ("?from=1700000000000&to=1700003600000", "en")],
)
async def test_sections_are_asked_for_once(page: Page, url: str, query: str, language: str) -> None:
    await page.context.set_extra_http_headers({"Accept-Language": language})
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/sections?" in each.url else None)
    await page.goto(f"{url}{HOST}{query}")
    await expect_drawn(page.locator("canvas").first)
    assert len(asked) == 1, asked
