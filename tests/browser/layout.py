"""Waits until a page's layout holds: scripts lay charts out again some time after a change."""

from typing import Final

from playwright.async_api import Page

from tests.system.processes import until

# The elements that reach beyond the window, the innermost last.
BEYOND: Final = """() => {
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")]
        .filter(element => element.getBoundingClientRect().right > width + 0.5)
        .map(element => `${element.tagName.toLowerCase()}.${element.className}`)
        .slice(0, 20);
}"""
FITS: Final = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


async def expect_no_overflow(page: Page, what: object) -> None:
    """Wait until the page is not wider than the window, or fail with the elements that are."""
    try:
        # Not wait_for_function: the policy of our pages forbids how it polls.
        await until(lambda: page.evaluate(FITS), f"{what} to fit into the window")
    except AssertionError as error:
        raise AssertionError(f"{error}; beyond it: {await page.evaluate(BEYOND)}") from None
