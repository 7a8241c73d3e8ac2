"""In another language pages have none of their English texts, and fit the window."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from storage.api.accounts import Role
from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import violations
from tests.browser.pages.filled_server import PASSWORD, Filled, filled_server
from tests.browser.pages.walk import READY
from tests.browser.signing_in import sign_in
from tests.web.http.viewing.extraction import forms_of, key_of, read_catalogue

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

WIDTHS: Final = (360, 1280)

IN_ENGLISH: Final = ("/design",)
"""Pages that have no translation yet, by the start of their address."""

SHOWN: Final = """() => {
    const isData = (element) => element.closest("code, kbd, pre, bdi, script, style, textarea");
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        if (!isData(walker.currentNode.parentElement)) texts.push(walker.currentNode.data);
    }
    for (const name of ["title", "aria-label", "placeholder"]) {
        for (const element of document.querySelectorAll(`[${name}]`)) {
            texts.push(element.getAttribute(name));
        }
    }
    return [...new Set(texts.map((text) => text.trim().replace(/\\s+/g, " ")).filter(Boolean))];
}"""
"""Returns the texts of a page, those that only some readers get included."""

_TAG: Final = re.compile(r"<[^>]+>")
_PLACE: Final = re.compile(r"%\(\w+\)s")


def pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that stand between the tags and values within it."""
    for part in _TAG.split(text.replace("%%", "%")):
        stripped = part.strip()
        if re.search(r"[^\W\d_]{2,}", _PLACE.sub("", stripped)):
            yield stripped


def english_texts(language: str) -> list[tuple[str, re.Pattern[str]]]:
    """Return the English texts that have a translation of their own, and their patterns."""
    messages = [message for message in read_catalogue(language) if message.id]
    translated = {
        piece for message in messages for form in forms_of(message) for piece in pieces(form)
    }
    texts = {piece for message in messages for piece in pieces(key_of(message)[1])}
    return [
        (text, re.compile(".+".join(map(re.escape, _PLACE.split(text)))))
        for text in sorted(texts - translated)
    ]


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    async with filled_server(tmp_path) as filled:
        yield filled


async def choose_language(page: Page, url: str, language: str) -> None:
    """Log in, and choose a language in the settings."""
    await sign_in(page, url, "/settings", PASSWORD)
    async with page.expect_navigation():
        await page.locator("select[name=language]").select_option(language)
        await page.locator("form:has(select[name=language]) button").first.click()
    await expect(page.locator("html")).to_have_attribute("lang", language)


@pytest.mark.parametrize("language", ["de", "es"])
async def test_pages_are_wholly_in_the_readers_language(
    page: Page, filled: Filled, language: str
) -> None:
    await choose_language(page, filled.url, language)
    english = english_texts(language)
    found: dict[str, set[str]] = {}
    for path, address in filled.addresses(Role.ADMIN):
        if address.startswith(IN_ENGLISH):
            continue
        await page.goto(filled.url + address)
        await page.locator(READY.get(path, "main")).first.wait_for()
        shown = await page.evaluate(SHOWN)
        left = {text for text in shown for _, one in english if one.fullmatch(text)}
        if left:
            found[address] = left
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(page, f"{address} at {width} px in {language}")
        assert await violations(page, "html-has-lang", "html-lang-valid", "valid-lang") == []
    assert found == {}


async def test_a_page_in_english_loads_no_catalogue(page: Page, filled: Filled) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await sign_in(page, filled.url, password=PASSWORD)
    assert any(url.endswith("/lib/texts.js") for url in asked)
    assert not [url for url in asked if "/texts/" in url]


async def test_scripts_without_their_catalogue_show_english(page: Page, filled: Filled) -> None:
    await choose_language(page, filled.url, "de")
    broken = "throw new Error('the catalogue is damaged')"
    await page.route(
        "**/texts/de.js",
        lambda route: route.fulfill(content_type="text/javascript", body=broken),
    )
    await page.goto(filled.url)
    await expect(page.locator("#theme-toggle")).to_have_attribute("title", re.compile("^Theme:"))
