"""A walk over pages: opens one after the other, and collects what is wrong with each."""

from dataclasses import dataclass, field
from typing import Final

from playwright.async_api import ConsoleMessage, Page

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

WIDTHS: Final = (360, 1280, 1920)


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

    async def look(self, address: str, *, all_rules: bool = True) -> None:
        """Look at the opened page in both themes and all widths."""
        wrong = await self.rules(address) if all_rules else []
        wrong += await self.colours()
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(self.page, f"{address} at {width} px")
            wrong += [f"{width} px: {one}" for one in await violations(self.page, *OF_WIDTHS)]
        await self.page.set_viewport_size({"width": 1280, "height": 800})
        wrong += [text for text in self.console if not text.startswith("Failed to load resource")]
        self.add(address, wrong)

    async def rules(self, address: str) -> list[str]:
        """Return what breaks any rule in the opened page, in one theme and width."""
        excused = tuple(f"{rule}:" for rule in OF_OTHERS.get(address, ()))
        return [one for one in await violations(self.page) if not one.startswith(excused)]

    async def colours(self) -> list[str]:
        """Return what breaks rules of colours in the opened page, in both themes."""
        wrong = []
        for theme in ("dark", "light"):
            await self.page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme }", theme
            )
            wrong += [f"{theme}: {one}" for one in await violations(self.page, *OF_COLOURS)]
        return wrong

    def add(self, address: str, wrong: list[str]) -> None:
        """Add what is wrong at an address, if anything is."""
        if wrong:
            self.found[address] = self.found.get(address, []) + wrong

    def report(self) -> str:
        """Return what is wrong, a line each."""
        return "\n".join(
            f"{address}: {one}" for address, every in self.found.items() for one in every
        )
