"""The five minutes of docs/analytics.md, word by word."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import launch
from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.browser.test_page_script import AGENT
from tests.programs import program
from tests.replaces.documented import run_curl
from tests.system.processes import ADMIN_PASSWORD, redshank_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DOCUMENT = Path(__file__).parents[3] / "docs" / "analytics.md"
WORDS = (
    "In five minutes: create a project on *Projects*; paste the line that its overview shows into a"
    " web page, or run the `curl` beside it; the overview says when the first event is there; watch"
    " *Events*; choose two of them as the steps of a *Funnel*."
)


@pytest.fixture
async def browser(chromium: None) -> AsyncIterator[Browser]:
    """A browser that does not say that it is automated: bots are not counted."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, f"--user-agent={AGENT}")
        yield browser
        await browser.close()


def test_the_document_has_the_words_that_are_followed_here() -> None:
    assert WORDS in " ".join(DOCUMENT.read_text().split())


async def visit(page: Page, line: str, call: str) -> None:
    """Paste a line into a page of a site, open that page, and send an own event there."""

    async def shop(_: web.Request) -> web.Response:
        text = f"<!doctype html><head><link rel=icon href=data:,>{line}</head><h1>Shop</h1>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", shop)
    async with TestServer(app) as site:
        visitor = await page.context.new_page()
        await visitor.goto(str(site.make_url("/")), wait_until="load")
        await visitor.evaluate(call)
        await expect(page.locator("#arrival")).to_contain_text("The first event has arrived")
        await visitor.close()


async def test_from_a_project_to_a_funnel_in_five_minutes(page: Page, tmp_path: Path) -> None:
    program("curl")
    async with redshank_server(tmp_path / "data") as server:
        await sign_in(page, server.url, "/projects", ADMIN_PASSWORD)
        # Create a project on *Projects*.
        await page.get_by_label("Name").fill("Shop")
        await follow(page, page.get_by_role("button", name="Create project"))
        await expect(page.locator("#arrival")).to_contain_text("Waiting for the first event")
        # Paste the line that its overview shows into a web page, or run the curl beside it.
        shown = await page.locator(".command code").all_inner_texts()
        line, call, curl = shown[0], shown[1], shown[2]
        assert (line.split()[0], curl.split()[0]) == ("<script", "curl")
        # The overview says when the first event is there.
        await visit(page, line, call)
        assert (await run_curl(curl, {})).json()["inserted"] == 1
        # Watch *Events*.
        await follow(page, page.get_by_role("link", name="Events", exact=True))
        for text in ("$pageview", "signup", "user-1"):
            await expect(page.locator("#events")).to_contain_text(text)
        # Choose two of them as the steps of a *Funnel*.
        await follow(page, page.get_by_role("link", name="Funnel", exact=True))
        await page.get_by_label("Step 1").fill("$pageview")
        await page.get_by_label("Step 2").fill("signup")
        await follow(page, page.get_by_role("button", name="Show", exact=True))
        await expect(page.locator(".funnel-step")).to_have_count(2)
        await expect(page.locator("main")).to_contain_text("1 of 1 persons")
