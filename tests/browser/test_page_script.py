"""`/e.js` on a page of another origin, in a real browser."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright

from tests.browser.chromium import launch
from tests.patience import PATIENCE_S
from tests.system.processes import Server, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
HOSTILE = "\"'><script>window.ran=1</script>\u2028\\ \N{PILE OF POO}"
POLICY = "default-src 'none'; script-src {url} 'nonce-page'; connect-src {url}; img-src data:"
PAGE = """<!doctype html><title>Shop</title><link rel=icon href=data:,>
<script nonce=page>
  window.redshank = function () { (redshank.q = redshank.q || []).push(arguments); };
  redshank("early", {n: 1});
</script>
<script defer src="{url}/e.js" data-project="{key}" {attributes}></script>
<button data-redshank="Signup" data-redshank-plan="pro"><b>Sign up</b></button>
<a href="#x">nothing</a>
"""


@dataclass
class Site:
    """A web site of another origin whose pages load the script.

    Attributes:
        url: its address.
        key: the project's key.
        server: the server of the script.
        attributes: further attributes of the script's element.
    """

    url: str
    key: str
    server: Server
    attributes: dict[str, str] = field(default_factory=dict)

    async def events(self) -> list[dict[str, Any]]:
        """Return the stored events, the oldest first."""
        found = await self.server.get("/v1/reports/top-events", projectKey=self.key, limit="1000")
        return [each for each in found["events"] for _ in range(each["count"])]

    async def names(self) -> list[str]:
        return sorted(each["eventName"] for each in await self.events())

    async def until(self, *names: str) -> None:
        """Wait until exactly these events are stored."""
        seen: list[list[str]] = []

        async def stored() -> bool:
            seen[:] = [await self.names()]
            return seen[0] == sorted(names)

        try:
            await until(stored, f"the events {names}")
        except AssertionError:
            raise AssertionError(f"not {sorted(names)} but {seen}") from None


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Site]:
    project = await server.post("/v1/projects", {"name": "Shop"})
    site = Site("", project["projectKey"], server)

    async def page(request: web.Request) -> web.Response:
        attributes = " ".join(f'{name}="{value}"' for name, value in site.attributes.items())
        text = PAGE.replace("{url}", server.url).replace("{key}", site.key)
        return web.Response(
            text=text.replace("{attributes}", attributes),
            content_type="text/html",
            headers={"Content-Security-Policy": POLICY.replace("{url}", server.url)},
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", page)
    async with TestServer(app) as other:
        site.url = str(other.make_url("/")).rstrip("/").replace("127.0.0.1", "localhost")
        yield site


@pytest.fixture
async def site(chromium: None, tmp_path: Path) -> AsyncIterator[Site]:
    async with redshank_server(tmp_path / "data") as server, serving(server) as site:
        yield site


@pytest.fixture
async def browser(chromium: None) -> AsyncIterator[Browser]:
    """A browser that does not say that it is automated, not even in its last beacon."""
    async with async_playwright() as playwright:
        browser = await launch(playwright, f"--user-agent={AGENT}")
        yield browser
        await browser.close()


@asynccontextmanager
async def visitor(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(**options)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    refused: list[str] = []
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on(
        "console",
        lambda message: refused.append(message.text) if message.type == "error" else None,
    )
    yield page
    await leave_nothing(context)
    await context.close()
    assert [text for text in refused if "ERR_FAILED" not in text] == []


async def leave_nothing(context: BrowserContext) -> None:
    """Check that neither a cookie nor anything else is stored in the browser."""
    assert await context.cookies() == []
    for page in context.pages:
        stored = "localStorage.length + sessionStorage.length"
        assert page.url == "about:blank" or await page.evaluate(stored) == 0


async def test_a_visit_is_recorded_from_the_page_view_to_the_click(
    browser: Browser, site: Site
) -> None:
    async with visitor(browser) as page:
        await page.goto(f"{site.url}/start?utm_source=news&token=secret#part")
        await site.until("$pageview", "early")
        await page.evaluate("history.pushState({}, '', '/second?x=1')")
        await page.evaluate("history.pushState({}, '', '/second?x=2')")
        await page.get_by_text("Sign up").click()
        await page.get_by_text("nothing").click()
        await page.evaluate("redshank('bought', {price: 9.5, list: [1, 'a']})")
        await site.until("$pageview", "$pageview", "Signup", "bought", "early")
        overview = await site.server.get("/v1/reports/overview", projectKey=site.key)
        assert overview["uniqueUsers"] == 1
        conversion = await site.server.post(
            "/v1/reports/funnel", {"projectKey": site.key, "steps": ["$pageview", "bought"]}
        )
        assert conversion["convertedUsers"] == 1


async def test_events_that_wait_are_sent_when_the_page_is_left(
    browser: Browser, site: Site
) -> None:
    async with visitor(browser) as page:
        await page.goto(site.url)
        await site.until("$pageview", "early")
        await page.evaluate("for (let i = 0; i < 45; i++) redshank('last')")
        await page.goto("about:blank")
        await site.until(*["last"] * 45, "$pageview", "early")


async def test_hostile_names_and_properties_arrive_as_text(browser: Browser, site: Site) -> None:
    async with visitor(browser) as page:
        await page.goto(site.url)
        await page.evaluate(
            """name => {
                redshank(name, {[name]: name, __proto__: {x: 1}, "": null});
                redshank("x".repeat(300));
                redshank("\\ud800 alone");
                const circle = {}; circle.circle = circle;
                redshank("circle", circle);
                redshank("large number", {n: 10n});
                redshank(Symbol.iterator);
                redshank("after", null);
            }""",
            HOSTILE,
        )
        await site.until("$pageview", "early", HOSTILE, "\ufffd alone", "after")
        assert await page.evaluate("window.ran") is None


@pytest.mark.parametrize(
    "wish",
    [
        "Object.defineProperty(navigator, 'doNotTrack', {value: '1'})",
        "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})",
    ],
)
async def test_a_visitor_who_does_not_want_it_is_not_followed(
    browser: Browser, site: Site, wish: str
) -> None:
    async with visitor(browser) as page:
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        await page.add_init_script(wish)
        await page.goto(site.url)
        await page.wait_for_load_state("load")
        await page.evaluate("redshank('bought'); redshank.identify('ann')")
        await page.get_by_text("Sign up").click()
        await page.goto("about:blank")
        assert set(sent) == {"GET"}
    async with visitor(browser) as page:
        await page.goto(site.url)
        await site.until("$pageview", "early")


async def test_a_headless_browser_is_counted_as_a_bot(browser: Browser, site: Site) -> None:
    async with visitor(browser, user_agent=AGENT.replace("Chrome/", "HeadlessChrome/")) as page:
        await page.goto(site.url)

        async def excluded() -> bool:
            report = await site.server.get("/v1/reports/sessions", projectKey=site.key)
            return bool(report["excluded"]["bot"] == 2)

        await until(excluded, "the excluded events")
    assert await site.names() == []


async def test_storage_is_used_where_the_site_asks_for_it_only(
    browser: Browser, site: Site
) -> None:
    site.attributes = {"data-storage": "", "data-query": ""}
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    async with page.expect_request("**/v1/events/batch") as waiting:
        await page.goto(f"{site.url}/?x=1")
    body = json.loads((await waiting.value).post_data or "")
    assert body["cookieless"] is False
    assert body["events"][0]["anonymousId"] == await page.evaluate("localStorage.redshank")
    assert body["events"][0]["properties"]["$current_url"] == f"{site.url}/?x=1"
    await context.close()


async def test_an_event_is_stored_once_however_often_its_request_or_answer_is_lost(
    browser: Browser, site: Site
) -> None:
    lost: list[str] = []

    async def lose(route: Route) -> None:
        lost.append(route.request.post_data or "")
        if len(lost) == 2:
            # The server stores it; the page never sees the answer.
            await route.fetch()
        await (route.abort() if len(lost) <= 2 else route.continue_())

    async with visitor(browser) as page:
        await page.goto(site.url)
        await site.until("$pageview", "early")
        await page.route("**/v1/events/batch", lose)
        async with page.expect_response("**/v1/events/batch") as waiting:
            await page.evaluate("redshank('bought')")
        assert (await waiting.value).status == 200
        assert len({json.loads(body)["events"][0]["eventId"] for body in lost}) == 1
        await site.until("$pageview", "early", "bought")
