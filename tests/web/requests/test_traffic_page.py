"""The page of a project's API traffic."""

import json
import re
from datetime import datetime
from html import unescape
from typing import Any

from tests.web.projects.tenants import Tenant, add_tenant
from tests.web.service_doubles import NOW_MS
from tests.web.world import World
from web.projects.times import iso

HOUR_MS = 3_600_000
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>{{7*7}}"


def item(**changes: Any) -> dict[str, Any]:
    return {
        "method": "GET",
        "path": "/items/7",
        "route": "/items/{id}",
        "status_code": 200,
        "response_time_ms": 10,
        "timestamp": NOW_MS - HOUR_MS,
    } | changes


async def track(world: World, tenant: Tenant, *items: dict[str, Any]) -> None:
    parsed = world.services.analytics.parser.batch(items, NOW_MS)
    assert parsed.errors == []
    await world.services.analytics.requests.append_requests(tenant.project.id, parsed.requests)


async def shown(world: World, tenant: Tenant, query: str = "", status: int = 200) -> str:
    answer = await world.client.get(f"{tenant.pages}/traffic{query}", headers=tenant.session)
    assert answer.status == status
    return await answer.text()


def figures(text: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([\w ]+)</dt><dd>([^<]+)</dd>", text))


def chart(text: str, name: str) -> Any:
    found = re.search(rf'id="traffic-{name}">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def rows(text: str, table: str) -> list[str]:
    """Return the texts of a table's rows."""
    found = re.search(
        rf'<table class="grid cards {table}">.*?<tbody>(.*?)</tbody>', text, re.DOTALL
    )
    assert found is not None
    lines = re.findall(r"<tr>(.*?)</tr>", found.group(1), re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", line)).split()) for line in lines]


async def test_figures_charts_and_tables_show_the_same_requests(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(
        world,
        ann,
        item(),
        item(response_time_ms=30, consumer="shop", version="1.5"),
        item(status_code=404, route="/cart", path="/cart"),
        item(status_code=500, response_time_ms=4000, method="POST"),
        item(timestamp=NOW_MS - 30 * HOUR_MS),
    )
    text = await shown(world, ann)
    assert figures(text) == {
        "Requests": "4",
        "Client errors": "25.0 %",
        "Server errors": "25.0 %",
        "Median": "20.0 ms",
        "p95": "3.40 s",
        "p99": "3.88 s",
        "Apdex": "0.75",
    }
    requests = chart(text, "requests")
    assert len(requests["labels"]) == 96
    assert [sum(line["values"]) for line in requests["lines"]] == [4, 1, 1]
    assert requests["complete"] == [True] * 95 + [False]
    (median,) = [v for v in chart(text, "latency")["lines"][0]["values"] if v is not None]
    assert median == 20
    assert rows(text, "traffic-routes")[0] == "GET /items/{id} 2 0.0 % 0 0 20.0 ms 29.0 ms 29.8 ms"
    assert len(rows(text, "traffic-log")) == 4
    assert sum(map(int, re.findall(r'class="heat-count" role="cell">([\d,]+)', text))) == 4


def plain(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


async def test_figures_stand_beside_the_period_before_and_rates_have_intervals(
    world: World,
) -> None:
    ann = await add_tenant(world, "ann")
    day = 24 * HOUR_MS
    await track(
        world,
        ann,
        *(item(response_time_ms=20) for _ in range(3)),
        item(status_code=500),
        *(item(timestamp=NOW_MS - day - HOUR_MS, status_code=404) for _ in range(2)),
        # Later than now, a day earlier: the range that is not over has no such part.
        item(timestamp=NOW_MS - day + 30_000),
    )
    text = plain(await shown(world, ann, "?range=24h"))
    assert "per minute ▲ 100 % from 2" in text
    assert "Client errors 0.0 % 0 with 4xx 0.0 to 49.0 % 100.0 % before" in text
    assert "Server errors 25.0 % 1 with 5xx 4.6 to 69.9 % 0.0 % before" in text
    assert "Median 20.0 ms mean 17.5 ms 10.0 ms before" in text
    query = {"from": iso(NOW_MS - 23 * HOUR_MS), "to": iso(NOW_MS + HOUR_MS)}
    url = f"/api/v1/projects/{ann.project.key}/metrics"
    answer = await world.client.get(
        f"{url}/summary", params={**query, "compare": "true"}, headers=ann.session
    )
    found = await answer.json()
    assert answer.status == 200, found
    assert (found["total_requests"], found["error_rate"]) == (4, 0.25)
    assert round(found["error_rate_low"], 3) == 0.046
    assert round(found["error_rate_high"], 3) == 0.699
    assert (found["previous"]["total_requests"], found["previous"]["error_rate"]) == (2, 1.0)
    for value in ("yes", "True", "1"):
        refused = await world.client.get(
            f"{url}/summary", params={**query, "compare": value}, headers=ann.session
        )
        assert refused.status == 400, value
    alone = await world.client.get(f"{url}/summary", params=query, headers=ann.session)
    assert (await alone.json())["previous"] is None
    series = await world.client.get(
        f"{url}/time-series", params={**query, "interval": "hour"}, headers=ann.session
    )
    points = (await series.json())["data"]
    begun = [datetime.fromisoformat(point["timestamp"]).timestamp() * 1000 for point in points]
    assert [point["complete"] for point in points] == [start + HOUR_MS <= NOW_MS for start in begun]
    assert {point["complete"] for point in points} == {True, False}


async def test_a_range_without_an_earlier_one_compares_with_nothing(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(world, ann, item())
    text = plain(await shown(world, ann))
    tiles = text.split("Client errors")[1].split("Changes are against")[0]
    assert "before" not in tiles
    assert "new" in text.split("Client errors")[0].split("per minute")[1]


async def test_filters_apply_to_everything_and_stay_in_the_links(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(world, ann, item(), item(status_code=503, consumer="shop"), item(path="/other"))
    text = await shown(world, ann, "?status=5xx&consumer=shop&range=6h")
    assert figures(text)["Requests"] == "1"
    assert len(rows(text, "traffic-log")) == 1
    assert 'href="?status=5xx&amp;consumer=shop&amp;range=7d"' in text
    assert 'aria-label="Remove the filter consumer"' in text
    searched = await shown(world, ann, "?search=OTHER")
    assert figures(searched)["Requests"] == "1"


async def test_routes_are_sorted_by_errors_and_by_slowness(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(
        world,
        ann,
        *(item(route="/often") for _ in range(3)),
        *(item(route="/broken", status_code=500) for _ in range(2)),
        item(route="/slow", response_time_ms=900),
    )
    for sort, first in (("requests", "/often"), ("errors", "/broken"), ("slowest", "/slow")):
        text = await shown(world, ann, f"?sort={sort}")
        assert rows(text, "traffic-routes")[0].split()[1] == first


async def test_the_log_goes_on_to_the_oldest_request(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(
        world, ann, *(item(path=f"/items/{n}", timestamp=NOW_MS - n * 1000) for n in range(40))
    )
    seen, query = [], ""
    while True:
        text = await shown(world, ann, query)
        seen += re.findall(r'title="(/items/\d+)"', text)
        older = re.search(r'href="(\?[^"]*before=[^"#]*)#log">Older', text)
        if older is None:
            break
        query = unescape(older.group(1))
    assert seen == [f"/items/{n}" for n in range(40)]


async def test_a_project_without_requests_shows_how_to_send_some(world: World) -> None:
    ann = await add_tenant(world, "ann")
    text = await shown(world, ann)
    assert "No requests in this range" in text
    assert "pip install redshank-middleware" in text
    # With a filter, the page stays, so that the filter can be changed.
    assert "No requests match." in await shown(world, ann, "?status=404")


async def test_hostile_names_stay_text(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(world, ann, item(path=HOSTILE, route=HOSTILE, consumer=HOSTILE, version=HOSTILE))
    for query in ("", "?search=%22%3E%3Cscript%3E", "?consumer=%3Cscript%3Ealert(1)"):
        text = await shown(world, ann, query)
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "{{7*7}}" in unescape(text) or "No requests match" in text


async def test_an_unknown_range_shows_the_default(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await track(world, ann, item())
    assert len(chart(await shown(world, ann, "?range=5y"), "requests")["labels"]) == 96


async def test_other_tenants_see_nothing(world: World) -> None:
    ann, eve = await add_tenant(world, "ann"), await add_tenant(world, "eve")
    await track(world, ann, item())
    answer = await world.client.get(f"{ann.pages}/traffic", headers=eve.session)
    assert answer.status == 404
    assert "No requests in this range" in await shown(world, eve)
