"""The filled server, and a walk over its pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.pages.filled_server import Filled, filled_server
from tests.browser.pages.walk import Walk
from tests.patience import PATIENCE_S


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
