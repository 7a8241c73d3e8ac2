"""A page in chromium that fails its test on any script error."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import launch, require_chromium
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.web.web_demo import serving


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let the test's own code block: the server's event loop is in another process."""


@pytest.fixture(scope="session")
def chromium() -> None:
    """Skip where no browser can run; checked once per session."""
    require_chromium()


@pytest.fixture
async def browser(chromium: None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


# Console errors that tests cause on purpose: a refused form, a server that has stopped, and
# connections that ended before they were answered.
EXPECTED: Final = (
    *("status of 400", "status of 401", "ERR_CONNECTION_REFUSED"),
    *("ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "closed before the connection is established"),
    "Connection closed before receiving a handshake response",
)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that fails the test on any script error or refused resource."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    # Generous: a busy machine is slow, not broken. Of the context, for the pages that a test opens.
    context.set_default_timeout(PATIENCE_S * 1000)
    page = await context.new_page()
    expect.set_options(timeout=PATIENCE_S * 1000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield page
    await context.close()
    assert [text for text in complaints if not any(word in text for word in EXPECTED)] == []


@pytest.fixture
def first_page() -> str:
    """Return the path that the browser shows after the login; tests of other pages override it."""
    return "/"


@pytest.fixture
async def address(tmp_path: Path, page: Page) -> AsyncIterator[str]:
    """The address of a demonstration server; nobody is logged in."""
    async with serving(tmp_path) as address:
        yield address
        # A page that stays open would ask a server that has stopped.
        await page.goto("about:blank")


@pytest.fixture
async def url(address: str, page: Page, first_page: str) -> str:
    """The address of a demonstration server; the browser is logged in as its administrator."""
    await sign_in(page, address, first_page)
    return address
