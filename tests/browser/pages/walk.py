"""A walk over pages: opens one after the other, and collects what is wrong with each."""

from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import ConsoleMessage, Locator, Page, ViewportSize

from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import OF_COLOURS, OF_WIDTHS, violations

READY: Final = {
    "/docs": ".opblock",
    "/host/{key}": ".chart canvas",
    "/dashboards/{uid}": ".dash-panel",
}
"""What scripts put into a page before it is looked at, by the page's route."""

OF_OTHERS: Final = {"/docs": ("region", "heading-order")}
"""Rules that a vendored part of a page breaks, by address: Swagger UI has no landmarks."""

WIDTHS: Final = (1280, 360, 1920)
"""Both themes are checked in the first width."""

_CUT_OFF: Final = """opened => {
    const width = document.documentElement.clientWidth;
    const scrolls = element => {
        for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
            if (getComputedStyle(box).overflowX !== "visible") return true;
        return false;
    };
    return [...opened.querySelectorAll("*")]
        .filter(element => element.checkVisibility() && !scrolls(element))
        .map(element => [element, element.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.left < -0.5 || box.right > width + 0.5))
        .map(([element, box]) =>
            `${element.tagName}.${element.className} from ${box.left} to ${box.right}`);
}"""
"""What of an element is cut off by the window's left or right edge, and in no box that scrolls.

An element beyond the left edge does not widen the page.
"""


@dataclass(slots=True)
class Walk:
    """Looks at pages one after the other and collects what is wrong.

    Attributes:
        found: what is wrong, by address.
    """

    page: Page
    url: str
    found: dict[str, list[str]] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Collect script errors, and what the policy refuses."""

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.console.append(message.text)

        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        # Not a method: the driver writes an attribute into what it is given.
        self.page.on("console", hear)

    async def open(self, address: str, status: int = 200, ready: str = "main") -> None:
        """Open a page and wait for its contents."""
        self.console.clear()
        answer = await self.page.goto(self.url + address)
        assert answer is not None
        assert answer.status == status, address
        await self.page.locator(ready).first.wait_for()

    async def look(
        self, address: str, *, all_rules: bool = True, within: Locator | None = None
    ) -> None:
        """Look at the opened page in both themes and all widths.

        Each run of axe reads the whole document and each width lays it out again, so the first run
        checks all rules that are asked for, and further runs only what a theme or a width changes.

        Args:
            address: what the report calls the page.
            all_rules: also check the rules that neither a theme nor a width can break.
            within: the element to look at, else the whole page. No part of it is cut off.
        """
        await self._show(WIDTHS[0], "dark")
        some = () if all_rules else (*OF_COLOURS, *OF_WIDTHS)
        excused = tuple(f"{rule}:" for rule in OF_OTHERS.get(address, ()))
        first = await violations(self.page, *some, within=within)
        wrong = [f"dark: {one}" for one in first if not one.startswith(excused)]
        for width in WIDTHS:
            await self._show(width, "light")
            await expect_no_overflow(self.page, f"{address} at {width} px")
            if within:
                wrong += [f"{width} px: cut off: {one}" for one in await within.evaluate(_CUT_OFF)]
            rules = OF_COLOURS if width == WIDTHS[0] else OF_WIDTHS
            found = await violations(self.page, *rules, within=within)
            wrong += [f"light, {width} px: {one}" for one in found]
        await self._show(WIDTHS[0], "light")
        wrong += [text for text in self.console if not text.startswith("Failed to load resource")]
        self.add(address, wrong)

    async def _show(self, width: int, theme: str) -> None:
        if self.page.viewport_size != (size := ViewportSize(width=width, height=800)):
            await self.page.set_viewport_size(size)
        await self.page.evaluate(
            "theme => { document.documentElement.dataset.theme = theme }", theme
        )

    def add(self, address: str, wrong: list[str]) -> None:
        """Add what is wrong at an address, if anything is."""
        if wrong:
            self.found[address] = self.found.get(address, []) + wrong

    def report(self) -> str:
        """Return what is wrong, a line each."""
        return "\n".join(
            f"{address}: {one}" for address, every in self.found.items() for one in every
        )
