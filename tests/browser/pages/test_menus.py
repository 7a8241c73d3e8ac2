"""Every menu and every fold of every page fits the window and is accessible while it is open."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from storage.api.accounts import Role
from tests.browser.layout import expect_no_overflow
from tests.browser.pages.filled_server import PASSWORD, Filled
from tests.browser.pages.walk import READY, Walk
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]

WIDTHS: Final = (360, 1280)

OPEN_ALERT: Final = "/alerts/7"
"""The walk of all pages opens a resolved alert, which has no form with a comment and an end."""

KINDS: Final = frozenset(
    {
        *("chooser", "group-removal", "keep-form", "library", "menu", "properties"),
        *("rotate", "terms", "values"),
    }
)
"""The classes of menus that the filled server certainly has: without them the walk is blind."""

# The menus of a page: place in the document, class, and text. Rows of a table repeat a menu:
# three of a class are enough.
MENUS: Final = """() => {
    const counts = new Map();
    const texts = new Set();
    return [...document.querySelectorAll("details")].flatMap((each, place) => {
        const kind = each.className || "plain";
        const text = each.querySelector("summary").textContent.trim().slice(0, 60);
        const count = counts.get(kind) ?? 0;
        if (count === 3 || texts.has(kind + text)) return [];
        counts.set(kind, count + 1);
        texts.add(kind + text);
        return [[place, kind, text]];
    });
}"""

# What is cut off at the left or right edge of the window, and not in a box that scrolls.
# An element beyond the left edge does not widen the page.
CUT_OFF: Final = """details => {
    const width = document.documentElement.clientWidth;
    const scrolls = element => {
        for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
            if (getComputedStyle(box).overflowX !== "visible") return true;
        return false;
    };
    return [...details.querySelectorAll("*")]
        .filter(element => element.checkVisibility() && !scrolls(element))
        .map(element => [element, element.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.left < -0.5 || box.right > width + 0.5))
        .map(([element, box]) =>
            `${element.tagName}.${element.className} from ${box.left} to ${box.right}`);
}"""


async def menus_of(page: Page) -> AsyncIterator[tuple[str, str, Locator]]:
    """Open the menus of a page one after the other; yield class, text and element of each."""
    for place, kind, text in await page.evaluate(MENUS):
        menu = page.locator("details").nth(place)
        summary = menu.locator("summary").first
        if not await summary.is_visible():
            continue
        is_open = await menu.evaluate("menu => menu.open")
        if not is_open:
            await summary.click()
        await expect(menu).to_have_attribute("open", "")
        yield kind, text, menu
        # A live update must not close what a reader has opened.
        await expect(menu).to_have_attribute("open", "")
        if not is_open:
            await summary.click()


async def test_every_open_menu_fits_and_is_accessible(walk: Walk, filled: Filled) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD)
    kinds = set()
    for path, address in (*filled.addresses(Role.ADMIN), ("/alerts/{id}", OPEN_ALERT)):
        await walk.open(address, ready=READY.get(path, "main"))
        await walk.page.wait_for_load_state("load")
        async for kind, text, menu in menus_of(walk.page):
            kinds.update(kind.split())
            name = f"{address}, {kind} “{text}”"
            for width in WIDTHS:
                await walk.page.set_viewport_size({"width": width, "height": 800})
                await expect_no_overflow(walk.page, f"{name} at {width} px")
                walk.add(name, [f"{width} px: {one}" for one in await menu.evaluate(CUT_OFF)])
            await walk.look(name, all_rules=False)
    assert kinds >= KINDS
    assert not walk.found, walk.report()
