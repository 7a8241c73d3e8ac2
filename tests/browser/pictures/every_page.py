"""Writes a picture of every page, in both themes and at three widths, to look at."""

import asyncio
import logging
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from playwright.async_api import Browser, Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from storage.api.accounts import Role
from tests.browser.chromium import launch
from tests.browser.pages.filled_server import FAILURES, PASSWORD, Filled, filled_server
from tests.browser.signing_in import sign_in

WIDTHS: Final = (360, 1280, 1920)
THEMES: Final = ("light", "dark")
_HEIGHT: Final = 800
_TALLEST: Final = 4000
"""Longer pages, such as the reference of the API, are cut off here."""

_SETTLED_MS: Final = 10_000
_LAID_OUT_MS: Final = 400
"""Charts are laid out again a moment after a change of width."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A page, and the name of its pictures.

    Attributes:
        address: path and query.
        name: what files are named after.
    """

    address: str
    name: str


def pictured(filled: Filled) -> Iterator[Pictured]:
    """Yield every page that an administrator may see, and two pages of errors."""
    words = {value: key for key, value in filled.keys.items()}
    for _, address in filled.addresses(Role.ADMIN):
        # Addresses hold random keys; names of files stay the same from run to run.
        shown = address
        for value, key in words.items():
            shown = shown.replace(value, key)
        yield Pictured(address, _file_name(shown))
    for address in list(FAILURES)[:2]:
        yield Pictured(address, _file_name(address))


def anonymous(filled: Filled) -> Iterator[Pictured]:
    """Yield the pages that are made for people without a login."""
    yield Pictured("/login", "anonymous-login")
    yield Pictured("/status/acme", "anonymous-status")
    yield Pictured(f"/share/{filled.keys['share']}", "anonymous-share")
    yield Pictured(f"/share/dashboards/{filled.keys['board']}", "anonymous-share-dashboard")


def _file_name(address: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "hosts"


async def settle(page: Page) -> None:
    """Wait until a page has its data, is laid out and does not scroll."""
    try:
        await page.wait_for_load_state("networkidle", timeout=_SETTLED_MS)
    except PlaywrightTimeoutError:
        _say("  still loading: the picture may lack something")
    await page.evaluate("document.fonts.ready.then(() => true)")


async def take_all(
    folder: Path, wanted: str = "", language: str = "en", widths: Sequence[int] = WIDTHS
) -> None:
    """Write the pictures of all pages whose names contain `wanted` into a folder.

    Args:
        folder: holds a folder for each width and theme afterwards.
        wanted: part of a page's name.
        language: the browser's language.
        widths: of the window, in pixels.
    """
    with tempfile.TemporaryDirectory() as made:
        async with filled_server(Path(made)) as filled, async_playwright() as playwright:
            browser = await launch(playwright)
            try:
                page = await _page(browser, language)
                await sign_in(page, filled.url, password=PASSWORD)
                await _take(page, filled.url, _wanted(pictured(filled), wanted), folder, widths)
                page = await _page(browser, language)
                await _take(page, filled.url, _wanted(anonymous(filled), wanted), folder, widths)
            finally:
                await browser.close()


def _wanted(pages: Iterable[Pictured], part: str) -> Iterator[Pictured]:
    return (page for page in pages if part in page.name)


async def _page(browser: Browser, language: str) -> Page:
    context = await browser.new_context(
        viewport={"width": WIDTHS[0], "height": _HEIGHT},
        reduced_motion="reduce",
        locale=language,
    )
    return await context.new_page()


async def _take(
    page: Page, url: str, pages: Iterable[Pictured], folder: Path, widths: Sequence[int]
) -> None:
    for pictured in pages:
        _say(pictured.name)
        await page.emulate_media(color_scheme="light")
        await page.goto(url + pictured.address)
        await settle(page)
        for width in widths:
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                await _picture(page, width, folder / f"{width}-{theme}" / f"{pictured.name}.png")


async def _picture(page: Page, width: int, path: Path) -> None:
    await page.set_viewport_size({"width": width, "height": _HEIGHT})
    await page.wait_for_timeout(_LAID_OUT_MS)
    height = int(await page.evaluate("document.documentElement.scrollHeight"))
    # The whole page in the window: charts beyond it are not loaded.
    await page.set_viewport_size({"width": width, "height": min(height, _TALLEST)})
    await settle(page)
    await page.wait_for_timeout(_LAID_OUT_MS)
    await page.screenshot(path=path)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(folder: Path, wanted: str, language: str, widths: Sequence[int]) -> None:
    """Take the pictures and say where they are."""
    # The server runs in this process: only its problems are of interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(take_all(folder, wanted, language, widths))
    _say(f"look at the pictures in {folder}")
