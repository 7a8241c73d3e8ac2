"""Measures pages as a reader sees them, in chromium: the first chart, and how fast pages react."""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import psutil

from benchmarks.harness.attacks.accounts import add_users, password_of
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.reporting.command import progress
from benchmarks.pages.dashboard_page import make_dashboard
from benchmarks.pages.scraped_fleet import scraped_fleet

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, StorageState

_HOSTS: Final = 100
_SCRAPES: Final = 8
_REPEATS: Final = 7
_READER: Final = "reader"
_PATIENCE_MS: Final = 30_000
_REQUESTS: Final = 60
_REST_S: Final = 0.3
_REST_SHARE: Final = 0.1

# When the latest key or click began, on the clock of `performance.now()`.
_WATCH_INPUT: Final = """
for (const kind of ["keydown", "pointerdown", "change"])
    addEventListener(kind, (event) => {
        globalThis.inputBegan_ms = event.timeStamp;
        performance.clearMarks();
    }, true);
"""
# Resolves once a condition holds and the frame that shows it has been painted.
_PAINTED: Final = """() => new Promise((resolve) => {
    globalThis.inputBegan_ms = undefined;
    const look = () => {
        if (globalThis.inputBegan_ms === undefined || !(%s)) return requestAnimationFrame(look);
        const painted = new MessageChannel();
        painted.port1.onmessage = () => resolve(performance.now() - globalThis.inputBegan_ms);
        painted.port2.postMessage(null);
    };
    requestAnimationFrame(look);
})"""
_CHART_PAINTED: Final = 'performance.getEntriesByName("chart-painted")[0]?.startTime ?? 0'
_CHART_DRAWN: Final = 'performance.getEntriesByName("chart-drawn").length'
_EXPLORE: Final = f"/explore?query={quote('sum by (mode) (rate(node_cpu_seconds_total[1m]))')}"


@dataclass(frozen=True, slots=True)
class _Interaction:
    """Something that a reader does on a page.

    Attributes:
        address: the page.
        prepare: what is done before, unmeasured.
        act: what is done; the time begins with its last key or click.
        shown: the JavaScript condition that holds once its effect is to be seen.
    """

    address: str
    prepare: "Callable[[Page], Awaitable[object]] | None"
    act: "Callable[[Page], Awaitable[object]]"
    shown: str


def measure_first_charts(options: argparse.Namespace) -> Mapping[str, float]:
    """Return the time of the first chart of each page, and of each interaction."""
    with scraped_fleet(options, _HOSTS, _SCRAPES) as server:
        add_users(server, [_READER], "admin")
        make_dashboard(server)
        project = _project(server)
        return asyncio.run(_measure(server, project))


def _project(server: Redshank) -> str:
    """Make a project with requests of the last hour; return its key."""
    headers = {**server.headers(), "Content-Type": "application/json"}
    url = f"{server.url}/api/v1/projects/"
    project = json.loads(fetch(url, json.dumps({"name": "Shop"}).encode(), headers))
    key: str = project["project_key"]
    url = f"{url}{key}/api-keys/"
    secret = json.loads(fetch(url, json.dumps({"name": "web server"}).encode(), headers))
    now = datetime.now(UTC)
    requests = [
        {"method": "GET", "path": f"/items/{number % 3}", "response_time_ms": 12.0 + number}
        | {
            "status_code": 500 if number % 9 == 0 else 200,
            "timestamp": (now - timedelta(minutes=number)).isoformat(),
        }
        for number in range(_REQUESTS)
    ]
    body = json.dumps({"requests": requests}).encode()
    fetch(
        f"{server.url}/api/v1/track/batch", body, {**headers, "X-API-Key": str(secret["api_key"])}
    )
    return key


async def _measure(server: Redshank, project: str) -> Mapping[str, float]:
    # Chromium is started as the browser tests start it.
    from playwright.async_api import async_playwright

    from tests.browser.chromium import launch
    from tests.browser.signing_in import sign_in

    host = f"/host/{quote(server.plan.targets[0], safe='')}"
    pages = {
        "host": host,
        "dashboard": "/dashboards/node",
        "dashboard_30": "/dashboards/bench",
        "explore": _EXPLORE,
        "traffic": f"/projects/{project}/traffic",
    }
    figures: dict[str, float] = {}
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        context = await browser.new_context()
        await sign_in(await context.new_page(), server.url, "/", password_of(_READER), name=_READER)
        state = await context.storage_state()
        await context.close()
        for name, address in pages.items():
            times_ms = [
                await _first_chart(browser, state, server.url + address)
                for _ in range(_REPEATS + 1)
            ]
            # The first visit imports the page.
            figures[f"chart_{name}_ms"] = statistics.median(times_ms[1:])
            progress(f"the first chart of {address}: {figures[f'chart_{name}_ms']:.0f} ms")
        for name, interaction in _interactions(host).items():
            figures[f"interaction_{name}_ms"] = await _react(
                browser, state, server.url, interaction
            )
            progress(f"{name}: {figures[f'interaction_{name}_ms']:.0f} ms")
        await browser.close()
    return {
        "first_chart_ms": max(value for key, value in figures.items() if key.startswith("chart_")),
        "interaction_ms": max(value for key, value in figures.items() if key.startswith("inter")),
        **figures,
    }


async def _new_page(browser: "Browser", state: "StorageState") -> "Page":
    """Return a page of a browser with an empty cache."""
    from tests.browser.pages.visit import WATCH_CHARTS

    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, storage_state=state
    )
    context.set_default_timeout(_PATIENCE_MS)
    await context.add_init_script(WATCH_CHARTS)
    await context.add_init_script(_WATCH_INPUT)
    return await context.new_page()


async def _first_chart(browser: "Browser", state: "StorageState", url: str) -> float:
    """Return the milliseconds from the navigation until a chart is painted."""
    page = await _new_page(browser, state)
    await _browser_at_rest()
    await page.goto(url)
    painted_ms = await _chart_painted(page)
    await page.context.close()
    return painted_ms


async def _browser_at_rest() -> None:
    """Wait until chromium is idle.

    A new window loads chromium's own pages, such as the one below its address bar: 0.4 s of CPU
    time beside the page that is measured. A reader follows a link in a window that is open.
    """
    ends_s = time.monotonic() + _PATIENCE_MS / 1000
    before_s = _browser_cpu_s()
    while time.monotonic() < ends_s:
        await asyncio.sleep(_REST_S)
        now_s = _browser_cpu_s()
        if now_s - before_s < _REST_S * _REST_SHARE:
            return
        before_s = now_s
    raise BenchmarkError("chromium does not come to rest")


def _browser_cpu_s() -> float:
    """Return the CPU time of all processes of chromium that this one has started."""
    cpu_s = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith("chrom"):
                times = process.cpu_times()
                cpu_s += times.user + times.system
    return cpu_s


async def _chart_painted(page: "Page") -> float:
    ends_s = time.monotonic() + _PATIENCE_MS / 1000
    while not (painted_ms := float(await page.evaluate(_CHART_PAINTED))):
        if time.monotonic() > ends_s:
            raise BenchmarkError(f"{page.url} draws no chart")
        await asyncio.sleep(0.05)
    return painted_ms


def _interactions(host: str) -> Mapping[str, _Interaction]:
    palette = "document.querySelector('#palette[open] [role=option]')"
    # The server ranks anew for each letter: the list is that of the whole word.
    found = f"{palette}?.textContent.includes('Explore')"
    completion = "document.querySelector('.completion:not([hidden]) [role=option]')"
    return {
        "palette": _Interaction(host, None, lambda page: page.keyboard.press("Control+k"), palette),
        "palette_words": _Interaction(
            host,
            lambda page: _open_palette(page, "explor"),
            lambda page: page.keyboard.press("e"),
            found,
        ),
        "completion": _Interaction(
            "/explore",
            lambda page: page.get_by_role("textbox", name="PromQL query").focus(),
            lambda page: page.keyboard.press("n"),
            completion,
        ),
        "range_host": _Interaction(
            host,
            None,
            lambda page: page.locator("a[data-range='6h']").click(),
            _CHART_DRAWN,
        ),
        "range_dashboard": _Interaction(
            "/dashboards/node",
            None,
            lambda page: page.locator("#times [name=range]").select_option("now-1h"),
            _CHART_DRAWN,
        ),
        "range_explore": _Interaction(
            _EXPLORE,
            None,
            lambda page: page.locator("#times [data-range='6h']").click(),
            _CHART_DRAWN,
        ),
        # Charts are drawn anew in the other theme's colours.
        "theme": _Interaction(
            host, None, lambda page: page.locator("#theme-toggle").click(), _CHART_DRAWN
        ),
    }


async def _open_palette(page: "Page", words: str) -> None:
    await page.keyboard.press("Control+k")
    await page.keyboard.type(words)
    await page.locator("#palette [role=option]").first.wait_for()
    await page.wait_for_load_state("networkidle")


async def _react(
    browser: "Browser", state: "StorageState", url: str, interaction: _Interaction
) -> float:
    """Return the median of milliseconds from the input until its effect is painted."""
    times_ms = []
    for _ in range(_REPEATS + 1):
        page = await _new_page(browser, state)
        await page.goto(url + interaction.address)
        await page.wait_for_load_state("networkidle")
        if interaction.prepare is not None:
            await interaction.prepare(page)
        painted = asyncio.ensure_future(page.evaluate(_PAINTED % interaction.shown))
        await page.evaluate("() => new Promise(requestAnimationFrame)")
        await interaction.act(page)
        async with asyncio.timeout(_PATIENCE_MS / 1000):
            times_ms.append(float(await painted))
        await page.context.close()
    return statistics.median(times_ms[1:])
