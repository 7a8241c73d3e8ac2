"""The walk over pages finds what is wrong in one theme, in one width, and in an open menu."""

import pytest
from playwright.async_api import Browser, Page

from tests.browser.pages.walk import Walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = """<!doctype html><html lang="en"><title>A page</title><style>
:root {{ color: black; background: white }}
:root[data-theme="dark"] {{ color: white; background: black }}
main {{ height: 300px }}
{style}
</style><main><h1>A page</h1><p class="text">Some text</p>
<details open><summary>Menu</summary>
<p class="item">An item</p><button class="first">A</button><button class="second">B</button>
</details></main></html>"""
SMALL = (
    "button { min-width: 0; width: 12px; height: 12px; padding: 0; border: 0; font-size: 8px }"
    " button.second { position: relative; left: -3px }"
)


async def found(browser: Browser, style: str, *, all_rules: bool, is_menu: bool = False) -> str:
    """Return what a walk finds in the page with a style."""
    page: Page = await browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        await page.set_content(PAGE.format(style=style))
        walk = Walk(page, "")
        menu = page.locator("details") if is_menu else None
        await walk.look("/page", all_rules=all_rules, within=menu)
        return walk.report()
    finally:
        await page.close()


@pytest.mark.parametrize("all_rules", [True, False])
@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("", ""),
        ("[data-theme=dark] .text { color: #222 }", "/page: dark: color-contrast: .text"),
        ("[data-theme=light] .text { color: #ddd }", "/page: light, 1280 px: color-contrast"),
        (SMALL, "/page: dark: target-size: .first"),
        (f"@media (width < 600px) {{ {SMALL} }}", "/page: light, 360 px: target-size: .first"),
        (f"@media (width > 1600px) {{ {SMALL} }}", "/page: light, 1920 px: target-size: .first"),
    ],
)
async def test_what_a_theme_or_a_width_breaks_is_found(
    browser: Browser, style: str, expected: str, all_rules: bool
) -> None:
    report = await found(browser, style, all_rules=all_rules)
    assert (expected in report) if expected else (report == "")


async def test_what_neither_breaks_is_found_with_all_rules(browser: Browser) -> None:
    style = "</style><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><style>"
    assert "image-alt" in await found(browser, style, all_rules=True)
    assert "image-alt" not in await found(browser, style, all_rules=False)


async def test_a_menu_is_looked_at_without_the_rest_of_its_page(browser: Browser) -> None:
    style = "[data-theme=dark] p { color: #222 } .first { position: absolute; left: -5px }"
    report = await found(browser, style, all_rules=False, is_menu=True)
    assert "dark: color-contrast: .item" in report
    assert ".text" not in report
    for width in (360, 1280, 1920):
        assert f"{width} px: cut off: BUTTON.first from -5 to" in report
