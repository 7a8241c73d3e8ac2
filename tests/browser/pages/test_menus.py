"""Every menu and every fold of every page fits the window and is accessible while it is open."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from storage.api.accounts import Role
from tests.browser.pages.filled_server import PASSWORD, Filled
from tests.browser.pages.walk import READY, Walk
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]

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
            # The rest of the page is looked at with its menus closed.
            name = f"{address}, {kind} “{text}”"
            await walk.look(name, all_rules=False, within=menu)
    assert kinds >= KINDS
    assert not walk.found, walk.report()
