"""In another language pages have none of their English texts, and fit the window."""

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest
from playwright.async_api import FilePayload, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from storage.api.accounts import Role
from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import violations
from tests.browser.pages.filled_server import FAILURES, PASSWORD, Filled
from tests.browser.pages.languages import choose_language
from tests.browser.pages.shown_texts import EnglishTexts, ShownTexts
from tests.browser.pages.test_dialogs import OPENINGS, open_dialog
from tests.browser.pages.walk import READY
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

WIDTHS: Final = (360, 1280)

OF_LANGUAGE: Final = ("html-has-lang", "html-lang-valid", "valid-lang")
IN_ENGLISH: Final = ("/design", "/docs")
"""Pages for developers, which are in English only."""


async def settle(page: Page) -> None:
    """Wait until scripts have filled a page; dashboards that ask again and again never settle."""
    with suppress(PlaywrightTimeoutError):
        await page.wait_for_load_state("networkidle", timeout=3_000)


async def walk(page: Page, filled: Filled) -> AsyncIterator[tuple[str, Page, ShownTexts]]:
    """Open every page, error and dialog; yield the address and the texts of each."""
    for path, address in filled.addresses(Role.ADMIN):
        if not address.startswith(IN_ENGLISH):
            await page.goto(filled.url + address)
            await page.locator(READY.get(path, "main")).first.wait_for()
            await settle(page)
            yield address, page, await ShownTexts.of(page)
    # The console of a page has an error for each answer that is one.
    failing = await page.context.new_page()
    for address in FAILURES:
        await failing.goto(filled.url + address)
        yield address, failing, await ShownTexts.of(failing)
    await failing.close()
    for opening in OPENINGS:
        if not opening.address.startswith(IN_ENGLISH):
            await page.goto(filled.url + opening.address)
            await open_dialog(page, opening)
            await settle(page)
            yield f"{opening.address} #{opening.dialog}", page, await ShownTexts.of(page)


async def test_pages_in_another_language_have_no_english_texts_and_fit(
    page: Page, filled: Filled
) -> None:
    english = EnglishTexts()
    await sign_in(page, filled.url, password=PASSWORD)
    async for _address, _page, shown in walk(page, filled):
        english.add(shown)
    found: dict[str, list[str]] = {}
    for language in ("de", "es"):
        await choose_language(page, filled.url, language, PASSWORD)
        async for address, opened, shown in walk(page, filled):
            what = f"{address} in {language}"
            if left := english.left(shown, language):
                found[what] = left
            for width in WIDTHS:
                await opened.set_viewport_size({"width": width, "height": 800})
                await expect_no_overflow(opened, f"{what} at {width} px")
            assert await violations(opened, *OF_LANGUAGE) == []
    assert found == {}


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


async def test_errors_that_scripts_show_are_in_the_language_of_the_page(
    page: Page, filled: Filled
) -> None:
    await choose_language(page, filled.url, "de", PASSWORD)
    await page.goto(f"{filled.url}/dashboards")
    file = FilePayload(name="list.json", mimeType="application/json", buffer=b"[]")
    await page.locator("#import-file").set_input_files(file)
    await page.locator("#import button").click()
    expected = "list.json: der Inhalt muss ein Objekt sein"
    await expect(page.locator("#import-results")).to_have_text(expected)
