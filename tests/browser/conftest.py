"""Debian's chromium, driven by Playwright's asynchronous interface."""

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.programs import program

# The flags keep chromium from talking to anything but the page under test.
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let the test's own code block: the loop that matters is in another process."""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium"), args=FLAGS + sandbox
        )
        yield browser
        await browser.close()


# What a page may say: a refused form, and its live stream ending with the server and
# looking for it again.
EXPECTED = (
    "status of 400",
    "status of 401",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_REFUSED",
)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that fails the test on any script error or refused resource."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    # Safety bounds for a busy machine, never a claim about speed.
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    yield page
    await context.close()
    assert [text for text in complaints if not any(word in text for word in EXPECTED)] == []
