"""What the query editor asks the server while a query is typed."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.async_api import Page, Route, expect

from tests.system.processes import until

pytestmark = pytest.mark.browser

NAMES = ["node_cpu_seconds_total", "node_load1", "up"]
TRUNCATED = ["results truncated due to limit"]


@dataclass
class Series:
    """Answers about names and values of labels, as of a server with these series.

    Attributes:
        names: the metrics.
        zones: the values of every other label.
        asked: the paths of the requests, each with its selector.
        warnings: of answers to requests without a selector.
        released: answers to requests with a selector wait for it.
        failed: the selectors of the requests that the page has aborted.
    """

    names: list[str] = field(default_factory=lambda: list(NAMES))
    zones: list[str] = field(default_factory=lambda: ["east", "west"])
    asked: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    failed: list[str] = field(default_factory=list)

    def about(self, path: str) -> list[str]:
        """Return the selectors of the requests for a path."""
        return [selector for asked, selector in self.asked if asked == path]

    async def answer(self, route: Route) -> None:
        """Answer a request."""
        path, selector = asked_of(route.request.url)
        self.asked.append((path, selector))
        data: Any = self.names if path.endswith("/__name__/values") else self.zones
        warnings = self.warnings
        if selector:
            await self.released.wait()
            warnings = []
            if found := re.search(r"\(\?i\)\.\*(\w+)\.\*", selector):
                data = [name for name in data if found[1] in name]
        if path.endswith("/metadata"):
            data, warnings = {}, []
        body = {"status": "success", "data": data, "warnings": warnings}
        await route.fulfill(content_type="application/json", body=json.dumps(body))


def asked_of(url: str) -> tuple[str, str]:
    """Return the path of a request, and its selector, "" without one."""
    parts = urlsplit(url)
    return unquote(parts.path), parse_qs(parts.query).get("match[]", [""])[0]


@pytest.fixture
def first_page() -> str:
    return "/explore?query=1"


@pytest.fixture
async def series(page: Page, url: str) -> AsyncIterator[Series]:
    """The Explore page with a query, and the answers that it gets."""
    series = Series()
    series.released.set()
    page.on("requestfailed", lambda request: series.failed.append(asked_of(request.url)[1]))
    await page.wait_for_selector("#queries textarea")
    for pattern in ("label/**", "labels?*", "metadata?*"):
        await page.route(f"**/api/v1/{pattern}", series.answer)
    await page.get_by_role("textbox", name="PromQL query").fill("")
    yield series
    series.released.set()


async def test_keys_of_a_word_ask_for_the_names_once(page: Page, series: Series) -> None:
    options = page.get_by_role("option")
    for word, completed in (("node_c", NAMES[0]), ("node_lo", NAMES[1]), ("no_cpu", NAMES[0])):
        await page.keyboard.type(word)
        await expect(options.first).to_contain_text(completed)
        await page.keyboard.press("Enter")
        await page.keyboard.type(" + ")
    assert series.asked.count(("/api/v1/label/__name__/values", "")) == 1
    assert series.asked.count(("/api/v1/metadata", "")) == 1
    assert len(series.asked) == 2


async def test_names_are_loaded_before_the_first_key(page: Page, series: Series) -> None:
    box = page.get_by_role("textbox", name="PromQL query")
    await box.blur()
    await box.focus()

    async def loaded() -> bool:
        return len(series.asked) == 2

    await until(loaded, "the names and the metadata")


async def test_list_of_metrics_and_the_completion_share_the_names(
    page: Page, series: Series
) -> None:
    await page.locator("#library summary").first.click()
    await expect(page.locator(".metric-name").first).to_have_text(NAMES[0])
    await page.get_by_role("textbox", name="PromQL query").focus()
    await page.keyboard.type("node_l")
    await expect(page.get_by_role("option").first).to_contain_text(NAMES[1])
    assert series.about("/api/v1/label/__name__/values") == [""]
    assert series.about("/api/v1/metadata") == [""]


async def test_request_that_the_next_key_does_not_need_is_aborted(
    page: Page, series: Series
) -> None:
    series.released.clear()
    await page.keyboard.type('up{zone="ea')
    path = "/api/v1/label/zone/values"

    async def waits() -> bool:
        return bool(series.about(path))

    await until(waits, "the request for the values")
    await page.keyboard.type("s")
    await page.get_by_role("textbox", name="PromQL query").fill('node_load1{zone="e')

    async def is_aborted() -> bool:
        return "up{}" in series.failed and len(series.about(path)) == 2

    await until(is_aborted, "the request for the values of the other metric")
    series.released.set()
    await expect(page.get_by_role("option").first).to_contain_text("east")
    assert series.about(path) == ["up{}", "node_load1{}"]


async def test_word_among_too_many_names_is_asked_for_once(page: Page, series: Series) -> None:
    series.warnings = TRUNCATED
    await page.reload()
    await page.get_by_role("textbox", name="PromQL query").fill("n")
    await expect(page.get_by_role("option").first).to_contain_text("node")
    # The server has one more than it returned.
    series.names = [*NAMES, "zebra_crossings_total"]
    await page.get_by_role("textbox", name="PromQL query").fill("zebra")
    await expect(page.get_by_role("option").first).to_contain_text("zebra_crossings_total")
    await page.keyboard.type("_cr")
    await expect(page.get_by_role("option").first).to_contain_text("zebra_crossings_total")
    asked = [each for each in series.about("/api/v1/label/__name__/values") if "zebra" in each]
    assert asked == ['{__name__=~"(?i).*zebra.*"}']
