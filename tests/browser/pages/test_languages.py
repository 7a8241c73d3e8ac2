"""In another language pages fit the window; `test_texts.py` holds that all texts are translated."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from storage.api.accounts import Role
from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import violations
from tests.browser.pages.filled_server import PASSWORD, Filled, filled_server
from tests.browser.pages.languages import choose_language
from tests.browser.pages.walk import READY
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

WIDTHS: Final = (360, 1280)


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    async with filled_server(tmp_path) as filled:
        yield filled


@pytest.mark.parametrize("language", ["de", "es"])
async def test_pages_in_the_readers_language_fit_the_window(
    page: Page, filled: Filled, language: str
) -> None:
    await choose_language(page, filled.url, language, PASSWORD)
    for path, address in filled.addresses(Role.ADMIN):
        await page.goto(filled.url + address)
        await page.locator(READY.get(path, "main")).first.wait_for()
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(page, f"{address} at {width} px in {language}")
        assert await violations(page, "html-has-lang", "html-lang-valid", "valid-lang") == []


async def test_a_page_in_english_loads_no_catalogue(page: Page, filled: Filled) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await sign_in(page, filled.url, password=PASSWORD)
    assert any(url.endswith("/lib/texts.js") for url in asked)
    assert not [url for url in asked if "/texts/" in url]


async def test_scripts_without_their_catalogue_show_english(page: Page, filled: Filled) -> None:
    await choose_language(page, filled.url, "de", PASSWORD)
    broken = "throw new Error('the catalogue is damaged')"
    await page.route(
        "**/texts/de.js",
        lambda route: route.fulfill(content_type="text/javascript", body=broken),
    )
    await page.goto(filled.url)
    await expect(page.locator("#theme-toggle")).to_have_attribute("title", re.compile("^Theme:"))
