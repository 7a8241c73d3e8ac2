"""Node Exporter Full with every row open, over our exporter's samples of this machine."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_exporter, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIELD: Final = Path(__file__).parents[4] / "shared" / "field" / "dashboards"
FILE: Final = FIELD / "rfmoz-node-exporter-full.json"
UID: Final = "rYdddlPWk"
COLLECTORS: Final = ("--collector.tcpstat", "--collector.interrupts")
# Opens the next row, shows the next panel that waits, and returns how many remain.
ADVANCE: Final = """() => {
    const row = document.querySelector(".dash-row:not([open])");
    if (row) row.open = true;
    const waiting = [...document.querySelectorAll(".dash-panel")]
        .filter(panel => panel.dataset.state === "waiting" || panel.hasAttribute("aria-busy"));
    (waiting[0] ?? row)?.scrollIntoView();
    return waiting.length + (row ? 1 : 0);
}"""
STATES: Final = """() => [...document.querySelectorAll(".dash-panel")].map(panel => [
    panel.querySelector("h3").textContent, panel.dataset.state,
    panel.querySelector(".dash-body").textContent.slice(0, 100)])"""
METRIC: Final = re.compile(r"\bnode_[a-z0-9_A-Z]+\b")


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with the dashboard; the browser is logged in."""
    async with redshank_exporter(0, *COLLECTORS) as (_, address):
        jobs = [{"name": "node", "targets": [address]}]
        settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": jobs}}
        async with redshank_server(tmp_path / "data", settings) as server:

            async def scraped() -> bool:
                return bool(await server.query("rate(node_cpu_seconds_total[10s])"))

            await until(scraped, "rates")
            await server.post("/api/dashboards/import", json.loads(FILE.read_bytes()), 201)
            await sign_in(page, server.url, password=ADMIN_PASSWORD)
            yield server
            await page.goto("about:blank")


async def names_of_metrics(server: Server) -> set[str]:
    return set((await server.get("/api/v1/label/__name__/values"))["data"])


def panels_with_data(definition: dict[str, Any], names: set[str]) -> set[str]:
    """Return the titles of panels of which at least one query has all its metrics here."""
    found = set()
    for panel in definition["panels"]:
        wanted = [set(METRIC.findall(query["expr"])) for query in panel["queries"]]
        if any(metrics and metrics <= names for metrics in wanted):
            found.add(panel["title"])
    return found


@pytest.mark.skipif(not FILE.exists(), reason="the dashboards of the field are not here")
async def test_panels_whose_data_this_machine_has_are_drawn(page: Page, server: Server) -> None:
    definition = (await server.get(f"/api/dashboards/{UID}"))["dashboard"]
    expected = panels_with_data(definition, await names_of_metrics(server))
    assert len(expected) > 80
    drawn: set[str] = set()

    async def enough() -> bool:
        await page.goto(f"{server.url}/dashboards/{UID}?from=now-5m&to=now&refresh=")
        await expect(page.locator(".dash-panel").first).to_be_attached()

        async def settled() -> bool:
            return not await page.evaluate(ADVANCE)

        await until(settled, "all panels of all rows")
        states: list[list[str]] = await page.evaluate(STATES)
        assert len(states) == 125
        assert [one for one in states if one[1] == "failed"] == []
        drawn.clear()
        drawn.update(title for title, state, _ in states if state == "drawn")
        return len(expected & drawn) >= 0.95 * len(expected)

    # Rates over some intervals need more scrapes than there are at first.
    await until(enough, "95 % of the panels to be drawn")
    assert not await page.locator(".dash-info summary", has_text="!").count()
