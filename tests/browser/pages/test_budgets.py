"""Every page stays within its budget on a first visit, in each language.

Of a file in its cache, the browser reports the size that it once received: each visit counts as a
first one. No limit here is a time: `./run bench pages --only charts` measures those.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from playwright.async_api import Page

from storage.api.accounts import Role
from tests.browser.drawing import expect_drawn
from tests.browser.pages.filled_server import PASSWORD, Filled
from tests.browser.pages.languages import choose_language
from tests.browser.pages.visit import WATCH_CHARTS, Loaded, loaded
from tests.browser.pages.walk import READY
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]

MOST_BYTES: Final = 150_000
"""Of the page, its files and what it asks of the API, without the samples of queries."""

LARGER: Final = {"/docs": 700_000}
"""The reference of the API is Swagger UI (485 KB), and the description of each route (62 KB)."""

MOST_FILES: Final = 50
"""Each has 0.8 KB of headers, and a browser loads six at a time."""

MOST_ANSWERS_BEFORE_CHART: Final = 4
"""Of the API: each may wait for the one before."""

WITHOUT_CHART: Final = re.compile(r"/explore$|/dashboards/node$|/share/dashboards/")
"""Addresses that load what charts need and draw none.

Explore waits for a query. The demonstration's engine does not know the queries of the shipped
dashboard, which is also the shared one.
"""

OPEN: Final = ("/login", "/share/{share}", "/share/dashboards/{board}", "/status/acme")
"""Pages for visitors without a login."""

_UPLOT: Final = "/vendor/uplot/uPlot.iife.min.js"
# Answers that are smaller are not compressed.
_SMALL_BYTES: Final = 2000


async def visit(page: Page, url: str, ready: str = "main") -> tuple[Sequence[Loaded], bool]:
    """Open a page; return what it loads, and whether it has charts.

    A page that loads uPlot must draw a chart, unless it is in `WITHOUT_CHART`.
    """
    await page.goto(url)
    await page.locator(ready).first.wait_for()
    files = {each.path for each in await loaded(page)}
    has_charts = any(path.endswith(_UPLOT) for path in files)
    if has_charts := has_charts and not WITHOUT_CHART.search(url):
        await expect_drawn(page.locator("canvas").first)
    await page.wait_for_load_state("networkidle")
    return await loaded(page), has_charts


def excesses(address: str, answers: Sequence[Loaded], has_charts: bool) -> list[str]:
    """Return a sentence for each budget that a page exceeds."""
    counted = [each for each in answers if not each.is_query]
    size_bytes = sum(each.size_bytes for each in counted)
    files = [each for each in answers if not each.is_data]
    before = [each for each in answers if each.is_data and each.precedes_chart]
    largest = sorted(counted, key=lambda each: -each.size_bytes)[:4]
    found = []
    if size_bytes > LARGER.get(address, MOST_BYTES):
        parts = ", ".join(f"{each.path} {each.size_bytes}" for each in largest)
        found.append(f"{address}: {size_bytes} bytes: {parts}")
    if len(files) > MOST_FILES:
        found.append(f"{address}: {len(files)} files")
    if has_charts and len(before) > MOST_ANSWERS_BEFORE_CHART:
        found.append(f"{address}: asks {[each.path for each in before]} before its first chart")
    found += [
        f"{address}: {each.path} is not compressed"
        for each in answers
        if each.whole_bytes > _SMALL_BYTES
        and each.size_bytes > each.whole_bytes * 0.9
        and not each.path.endswith(".woff2")
    ]
    found += [
        f"{address}: loads {path} {times} times"
        for path, times in Counter(each.path for each in files).items()
        if times > 1
    ]
    return found


@pytest.mark.parametrize("language", ["en", "de", "es"])
async def test_every_page_is_within_its_budget(page: Page, filled: Filled, language: str) -> None:
    await choose_language(page, filled.url, language, PASSWORD)
    await page.context.add_init_script(WATCH_CHARTS)
    exceeded, drawn = [], set()
    for path, address in filled.addresses(Role.ADMIN):
        answers, has_charts = await visit(page, filled.url + address, READY.get(path, "main"))
        exceeded += excesses(address, answers, has_charts)
        if has_charts:
            drawn.add(path)
    assert not exceeded, "\n".join(exceeded)
    # Otherwise nothing would be held about charts.
    assert {"/host/{key}", "/explore", "/dashboards/{uid}", "/projects/{project_key}"} <= drawn


async def test_pages_without_a_login_are_within_their_budget(page: Page, filled: Filled) -> None:
    await page.context.add_init_script(WATCH_CHARTS)
    exceeded = []
    for address in OPEN:
        url = filled.url + address.format(**filled.keys)
        exceeded += excesses(address, *await visit(page, url))
    assert not exceeded, "\n".join(exceeded)


async def test_editor_of_a_dashboard_is_loaded_when_it_is_used(page: Page, filled: Filled) -> None:
    await sign_in(page, filled.url, password=PASSWORD)
    await page.goto(f"{filled.url}/dashboards/mine")
    await expect_drawn(page.locator(".dash-panel canvas").first)
    editor = ("/dashboards/edit.js", "/dashboards/blank.js", "/dashboards/settings.js")
    of_queries = ("/dashboards/query_fields.js", "/explore/editor.js", "/api/explore/words")
    assert not [each for each in await loaded(page) if each.path.endswith(editor + of_queries)]
    await page.locator("#edit").click()
    await page.get_by_role("button", name="Edit Load").click()
    await page.get_by_role("button", name="Cancel").click()
    assert len([each for each in await loaded(page) if each.path.endswith(of_queries)]) == 3
    assert len([each for each in await loaded(page) if each.path.endswith(editor)]) == 2
    await page.locator("#edit-bar [data-action=settings]").click()
    await page.get_by_label("Title of the dashboard").wait_for()
    assert len([each for each in await loaded(page) if each.path.endswith(editor)]) == 3


async def test_editor_that_cannot_be_loaded_leaves_the_dashboard(
    page: Page, filled: Filled
) -> None:
    await sign_in(page, filled.url, password=PASSWORD)
    broken = "throw new Error('the editor is damaged')"
    await page.route(
        "**/dashboards/edit.js",
        lambda route: route.fulfill(content_type="text/javascript", body=broken),
    )
    await page.goto(f"{filled.url}/dashboards/mine?edit")
    await page.get_by_text("The editor cannot be loaded: the editor is damaged").wait_for()
    await expect_drawn(page.locator(".dash-panel canvas").first)
    assert await page.locator("#edit").is_visible()
