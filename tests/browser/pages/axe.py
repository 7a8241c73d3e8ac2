"""Runs axe-core on a page: which rules of accessibility are broken, and by which elements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Locator, Page

SCRIPT: Final = Path(__file__).parents[2] / "vendor" / "axe-core" / "axe.min.js"

STANDARD: Final = (
    *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"),
    "best-practice",
)
"""The tags of all rules that our pages must hold: WCAG 2.2 AA, and axe's best practices."""

OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules that another theme may break."""

OF_WIDTHS: Final = ("target-size", "scrollable-region-focusable")
"""The rules that another width may break."""

_RUN: Final = """async ([within, values, type]) => {
    const {violations} = await axe.run(within ?? document, {
        runOnly: {type, values}, resultTypes: ["violations"], iframes: false,
    });
    return violations.flatMap(({id, nodes}) => nodes.map(({target, failureSummary}) =>
        `${id}: ${target.join(" ")}: ${failureSummary.split("\\n").slice(1).join(";").trim()}`));
}"""


async def violations(
    page: Page, *rules: str, tags: Sequence[str] = STANDARD, within: Locator | None = None
) -> list[str]:
    """Return what breaks some rules, or all rules with one of the tags.

    Args:
        page: the page as it is.
        rules: the names of rules; without them, the tags choose the rules.
        tags: the tags of rules.
        within: the element to look at, else the whole page.
    """
    if not await page.evaluate("'axe' in window"):
        # Not as a script element, which the policy of our pages forbids.
        await page.evaluate(SCRIPT.read_text())
    element = await within.element_handle() if within else None
    chosen: list[Any] = [element, list(rules or tags), "rule" if rules else "tag"]
    found: list[str] = await page.evaluate(_RUN, chosen)
    return found
