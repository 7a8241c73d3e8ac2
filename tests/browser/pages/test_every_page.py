"""Every page is accessible in both themes and fits every window, for every role."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page

from storage.api.accounts import Role
from tests.browser.layout import expect_no_overflow
from tests.browser.pages.axe import OF_COLOURS, OF_WIDTHS, violations
from tests.browser.pages.filled_server import FAILURES, PASSWORD, Filled, filled_server
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

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
        wrong = await violations(self.page) if all_rules else []
        excused = tuple(f"{rule}:" for rule in OF_OTHERS.get(address, ()))
        wrong = [one for one in wrong if not one.startswith(excused)]
        for theme in ("dark", "light"):
            await self.page.evaluate(
                "theme => { document.documentElement.dataset.theme = theme }", theme
            )
            wrong += [f"{theme}: {one}" for one in await violations(self.page, *OF_COLOURS)]
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            await expect_no_overflow(self.page, f"{address} at {width} px")
            wrong += [f"{width} px: {one}" for one in await violations(self.page, *OF_WIDTHS)]
        await self.page.set_viewport_size({"width": 1280, "height": 800})
        wrong += [text for text in self.console if not text.startswith("Failed to load resource")]
        if wrong:
            self.found[address] = wrong

    def report(self) -> str:
        """Return what is wrong, a line each."""
        return "\n".join(
            f"{address}: {one}" for address, every in self.found.items() for one in every
        )


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Filled]:
    async with filled_server(tmp_path) as filled:
        yield filled


@pytest.fixture
async def walk(browser: Browser, filled: Filled) -> AsyncIterator[Walk]:
    # Without transitions, half way through which colours are neither theme's.
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    walk = Walk(await context.new_page(), filled.url)
    walk.listen()
    yield walk
    await context.close()


async def look_at_all(walk: Walk, addresses: Iterable[tuple[str, str]], all_rules: bool) -> None:
    for path, address in addresses:
        await walk.open(address, ready=READY.get(path, "main"))
        await walk.look(address, all_rules=all_rules)


async def test_every_page_of_an_administrator_is_accessible(walk: Walk, filled: Filled) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD)
    await look_at_all(walk, filled.addresses(Role.ADMIN), all_rules=True)
    assert not walk.found, walk.report()


@pytest.mark.parametrize(("name", "role"), [("ed", Role.EDITOR), ("vera", Role.VIEWER)])
async def test_every_page_of_others_is_accessible(
    walk: Walk, filled: Filled, name: str, role: Role
) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD, name=name)
    await look_at_all(walk, filled.addresses(role), all_rules=False)
    assert not walk.found, walk.report()


async def test_pages_without_a_login_and_errors_are_accessible(walk: Walk, filled: Filled) -> None:
    for address in ("/login", f"/share/{filled.keys['share']}", "/docs"):
        await walk.open(address)
        await walk.look(address)
    for is_logged_in in (False, True):
        if is_logged_in:
            await sign_in(walk.page, walk.url, password=PASSWORD)
        for address, status in FAILURES.items():
            if is_logged_in or address.startswith(("/share/", "/acknowledge/", "/no/")):
                await walk.open(address, status)
                await walk.look(address)
    assert not walk.found, walk.report()
