"""Every dialog is accessible while it is open, in both themes and all widths."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages.filled_server import PASSWORD, Filled
from tests.browser.pages.walk import Walk
from tests.browser.signing_in import sign_in

TEMPLATES: Final = Path(__file__).parents[3] / "web"


@dataclass(frozen=True, slots=True)
class Opening:
    """How a reader opens a dialog.

    Attributes:
        dialog: the dialog's id.
        address: the page that has it.
        clicks: the buttons that open it, one after the other, or "" for a key.
        key: the key that opens it.
        within: what is in the dialog once it is filled.
    """

    dialog: str
    address: str
    clicks: tuple[str, ...] = ()
    key: str = ""
    within: str = "h2"


_EDIT: Final = "/dashboards/mine?edit"
_QUERY: Final = "/explore?query=node_load1"
OPENINGS: Final = (
    Opening("palette", "/alerts", key="Control+k", within="[role=option]"),
    Opening("shortcuts", "/alerts", key="?"),
    Opening("design-dialog", "/design", ("#design-open",)),
    Opening("panel-editor", _EDIT, (".dash-tools button:not([data-handle])",)),
    Opening("dashboard-settings", _EDIT, ('#edit-bar [data-action="settings"]',)),
    Opening("share", "/dashboards/mine", ('[data-action="share"]',), within="li button"),
    Opening("history", "/dashboards/mine", ('[data-action="history"]',), within="li button"),
    Opening("use-dialog", _QUERY, ('.query [data-action="save"]',), within="input"),
    Opening("use-dialog", _QUERY, ('.query [data-action="panel"]',), within="select"),
)


def test_every_dialog_has_a_way_to_open_it() -> None:
    """A dialog without one is not tested."""
    templates = "".join(path.read_text() for path in TEMPLATES.rglob("templates/*.html"))
    found = re.findall(r'<dialog [^>]*id="([^"]+)"', templates)
    assert len(found) == templates.count("<dialog")
    assert {opening.dialog for opening in OPENINGS} == set(found)


async def open_dialog(page: Page, opening: Opening) -> None:
    """Open a dialog of the page that is shown, and wait until it is filled."""
    await page.wait_for_load_state("load")
    # The scripts of a page in another language wait for their texts, and run after `load`.
    await expect(page.locator("#theme-toggle")).to_have_attribute("title", re.compile(":"))
    for button in opening.clicks:
        await page.locator(button).first.click()
    if opening.key:
        await page.keyboard.press(opening.key)
    await expect(page.locator(f"#{opening.dialog}").locator(opening.within).first).to_be_visible()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_every_open_dialog_is_accessible(walk: Walk, filled: Filled) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD)
    for opening in OPENINGS:
        await walk.open(opening.address)
        await open_dialog(walk.page, opening)
        await walk.look(f"{opening.address} #{opening.dialog} {opening.within}")
    assert not walk.found, walk.report()


@pytest.mark.browser
@pytest.mark.slow
async def test_completions_of_a_query_in_a_dialog_are_accessible(
    walk: Walk, filled: Filled
) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD)
    opening = next(each for each in OPENINGS if each.dialog == "panel-editor")
    await walk.open(opening.address)
    await open_dialog(walk.page, opening)
    await walk.page.get_by_label("PromQL").fill("sum(rat")
    option = walk.page.locator("#panel-editor .completion [role=option]").first
    await expect(option).to_be_visible()
    await walk.look(f"{opening.address} with completions")
    await expect(option).to_be_visible()
    assert not walk.found, walk.report()
