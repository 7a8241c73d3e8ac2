"""The Explore page in a real browser, with a real server and exporter."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.browser.drawing import expect_drawn
from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_exporter, redshank_server, until

pytestmark = pytest.mark.browser

USERS = "sum by (mode) (rate(node_cpu_seconds_total[10s]))"


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with an exporter's samples; the browser is logged in."""
    jobs = {"scrape": {"interval": "1s", "timeout": "1s"}}
    async with redshank_exporter() as (_, address):
        jobs["scrape"]["jobs"] = [{"name": "node", "targets": [address]}]  # type: ignore[assignment]
        async with redshank_server(tmp_path / "data", jobs) as server:

            async def scraped() -> bool:
                return bool(await server.query(USERS))

            await until(scraped, "rates")
            await sign_in(page, server.url, password=ADMIN_PASSWORD)
            yield server
            await page.goto("about:blank")


def explore(server: Server, *parameters: tuple[str, str]) -> str:
    return f"{server.url}/explore?{urlencode(parameters)}"


async def test_query_is_typed_with_completion_and_run(page: Page, server: Server) -> None:
    await page.get_by_role("link", name="Explore").click()
    box = page.get_by_role("textbox", name="PromQL query")
    await expect(box).to_be_focused()
    options = page.get_by_role("option")

    await page.keyboard.type("sum by (mo")
    await expect(options.first).to_contain_text("mode")
    await page.keyboard.press("Enter")
    await page.keyboard.type(") (rat")
    await expect(options.first).to_contain_text("rate")
    await expect(page.locator(".completion-detail")).to_contain_text("rate(range vector)")
    await page.keyboard.press("Tab")
    await page.keyboard.type("node_cpu_sec")
    await expect(options.first).to_contain_text("node_cpu_seconds_total")
    await expect(options.first).to_contain_text("counter")
    await page.keyboard.press("Enter")
    await page.keyboard.type("{mode=")
    await expect(options.filter(has_text="idle")).to_have_count(1)
    await page.keyboard.type('"sys')
    await expect(options.first).to_contain_text("system")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.type("}[1")
    await expect(options.first).to_contain_text("1m")
    await page.keyboard.press("Escape")
    await page.keyboard.type("0s]))")
    expected = 'sum by (mode) (rate(node_cpu_seconds_total{mode="system"}[10s]))'
    await expect(box).to_have_value(expected)
    await page.keyboard.press("Enter")
    await expect(page.locator(".graph-legend li")).to_have_count(1)

    async def in_address() -> bool:
        return parse_qs(urlsplit(page.url).query).get("query") == [expected]

    await until(in_address, "the query in the address")


@pytest.mark.slow
async def test_table_sorts_and_graph_is_drawn(page: Page, server: Server) -> None:
    await page.goto(explore(server, ("query", USERS), ("view", "table")))
    rows = page.locator(".result tbody tr")
    await expect(rows).to_have_count(8)
    await expect(page.locator(".query-cost")).to_contain_text("8 series")
    await expect(page.locator(".query-cost")).to_contain_text("samples read in")
    await page.get_by_role("button", name="value").click()

    async def is_sorted() -> bool:
        values = [float(text) for text in await rows.locator("td.number").all_inner_texts()]
        return values == sorted(values, reverse=True)

    await until(is_sorted, "the rows in the order of their values")

    await page.get_by_text("Graph", exact=True).click()
    await expect(page.locator(".graph-legend li")).to_have_count(8)
    await expect_drawn(page.locator("canvas").first)
    over = page.locator(".u-over")

    async def values_shown() -> bool:
        box = await over.bounding_box()
        assert box is not None
        await over.hover(position={"x": box["width"] - 2, "y": 50})
        return ":" in await page.locator(".graph-time").inner_text()

    await until(values_shown, "the values under the cursor")
    await page.locator(".graph-legend button").first.click()
    await expect(page.locator('.graph-legend [aria-pressed="true"]')).to_have_count(1)


@pytest.mark.slow
async def test_address_holds_queries_views_and_range(page: Page, server: Server) -> None:
    await page.goto(explore(server, ("query", "up"), ("view", "table")))
    await page.get_by_role("button", name="Add a query").click()
    await page.keyboard.type("node_load1")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await page.get_by_label("Range", exact=True).last.fill("5m")
    await page.keyboard.press("Tab")
    await page.get_by_label("Step").fill("2s")
    await page.keyboard.press("Tab")
    await page.get_by_label("Until").fill("2026-01-02T03:04:05")
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Explain").last.click()
    await expect(page.locator(".tree-name")).to_have_text(["node_load1"])
    expected = {
        "query": ["up", "node_load1"],
        "view": ["table", "table.explained"],
        "range": ["5m"],
        "step": ["2s"],
    }

    async def in_address() -> bool:
        asked = parse_qs(urlsplit(page.url).query)
        return {name: asked.get(name) for name in expected} == expected

    await until(in_address, f"{expected} in the address")

    await page.reload()
    await expect(page.locator("textarea").nth(1)).to_have_value("node_load1")
    await expect(page.locator("#range")).to_have_value("5m")
    await expect(page.locator("#step")).to_have_value("2s")
    await expect(page.locator("#until")).to_have_value("2026-01-02T03:04:05")
    await expect(page.locator(".tree-name")).to_have_text(["node_load1"])
    await expect(page.get_by_text("No series match.")).to_have_count(2)
    await page.get_by_role("button", name="Now").click()
    await expect(page.locator(".result tbody tr").first).to_be_visible()
    await page.go_back()
    await expect(page.locator("#until")).to_have_value("2026-01-02T03:04:05")


@pytest.mark.slow
async def test_invalid_query_shows_its_error_underlined(page: Page, server: Server) -> None:
    await page.goto(explore(server, ("query", "sum(up) bad"), ("view", "table")))
    problem = page.locator(".query-problem")
    await expect(problem).to_contain_text('1:9: parse error: unexpected identifier "bad"')
    await expect(problem).not_to_contain_text("invalid parameter")
    await expect(page.locator(".editor-text .wrong")).to_have_text("bad")
    box = page.get_by_role("textbox", name="PromQL query")
    await box.fill("quantile(2,up)")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".query-notes")).to_have_text(re.compile("^quantile value"))
    await expect(problem).to_be_hidden()
    await page.get_by_role("button", name="Format").click()
    await expect(box).to_have_value("quantile(2, up)")


@pytest.mark.slow
async def test_graph_of_many_series_says_how_many_are_drawn(page: Page, server: Server) -> None:
    await page.goto(explore(server, ("query", '{job="node"}'), ("view", "graph")))
    await expect(page.locator(".graph-many")).to_contain_text("100 of")
    await expect(page.locator(".graph-legend li")).to_have_count(100)


@pytest.mark.slow
async def test_query_is_explained_node_by_node(page: Page, server: Server) -> None:
    query = 'sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[5m] offset 1h)) > bool 0.5'
    await page.goto(explore(server, ("query", query), ("view", "table.explained")))
    tree = page.locator(".tree")
    await expect(tree.locator(".tree-name")).to_have_text(
        [">", "sum", "rate", "node_cpu_seconds_total", "0.5"]
    )
    await expect(tree.locator(".tree-matcher")).to_have_text(['mode!="idle"'])
    await expect(tree).to_contain_text("grouped by mode")
    await expect(tree).to_contain_text("samples of the last 5m; 1h ago")


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.slow
async def test_page_is_not_wider_than_the_window(page: Page, server: Server, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    queries = [("query", USERS), ("view", "graph.explained"), ("query", "up"), ("view", "table")]
    await page.goto(explore(server, *queries))
    await expect(page.locator("canvas")).to_be_visible()
    await expect(page.locator(".result")).to_be_visible()
    await expect_no_overflow(page, width)


@pytest.mark.slow
async def test_empty_page_offers_metrics_examples_and_the_users_queries(
    page: Page, server: Server
) -> None:
    await page.goto(f"{server.url}/explore")
    library = page.locator("#library")
    await expect(library).to_contain_text("No query has run yet")
    await library.get_by_role("button", name="up == 0").click()
    await expect(page.get_by_role("textbox", name="PromQL query")).to_have_value("up == 0")
    await expect(page.get_by_text("No series match.")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await page.get_by_label("Name", exact=True).fill("Down <b>now</b>")
    await page.keyboard.press("Enter")
    await expect(page.locator("#use-dialog")).to_be_hidden()

    await page.goto(f"{server.url}/explore")
    await expect(library.locator("[data-part=recent]")).to_contain_text("up == 0")
    await expect(library.locator("[data-part=saved]")).to_contain_text("Down <b>now</b>")
    await page.get_by_role("searchbox", name="Search names and help").fill("node_cpu_seconds")
    metric = library.locator("details", has_text="node_cpu_seconds_total")
    await expect(metric).to_contain_text("counter")
    await expect(metric).to_contain_text(re.compile(r"\d+ series"))
    await metric.locator("summary").click()
    await expect(metric.locator("dl")).to_contain_text("mode")
    await metric.get_by_role("button", name="idle").click()
    box = page.get_by_role("textbox", name="PromQL query")
    await expect(box).to_have_value('node_cpu_seconds_total{mode="idle"}')
    await expect_no_overflow(page, "Explore with a graph")


@pytest.mark.slow
async def test_query_becomes_a_panel_a_heat_map_and_an_alert(page: Page, server: Server) -> None:
    bucket = 'label_replace(vector({}), "le", "{}", "", "")'
    buckets = f"{bucket.format(2, 1)} or {bucket.format(5, '+Inf')}"
    await page.goto(explore(server, ("query", buckets), ("view", "heatmap")))
    heat = page.locator(".query-heat")
    await expect(heat.locator(".dash-timeline > span").first).to_have_text("∞")
    await page.get_by_role("button", name="Create a panel").click()
    await page.get_by_label("Title of the panel").fill("From Explore")
    await page.locator("#use-dialog").get_by_role("button", name="Save").click()
    await page.wait_for_url("**/dashboards/*", wait_until="load")
    panel = page.get_by_label("From Explore", exact=True)
    await expect(panel).to_have_attribute("data-kind", "heatmap")
    await expect(panel).to_have_attribute("data-state", "drawn")

    await page.goto(explore(server, ("query", "up == 0")))
    await page.get_by_role("button", name="Create an alert").click()
    await page.wait_for_url("**/alert-rules/backtest*", wait_until="load")
    await expect(page.locator("textarea[name=rules]")).to_have_value(re.compile("up == 0"))
