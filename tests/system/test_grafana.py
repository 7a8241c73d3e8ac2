"""The requests of Grafana's Prometheus data source, sent to a server with our exporter.

The requests are those of the data source's health check, label and metric browsers, query
editor, annotations and alert list; the queries those of dashboards over node_exporter.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.system.processes import Server, redshank_exporter, redshank_server, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOST = 'instance=~"$node",job="node"'
RATE = "[5s]"
DASHBOARD = [
    line
    for line in (Path(__file__).parent / "dashboard_queries.promql").read_text().splitlines()
    if not line.startswith("#")
]

# Every Linux has these metrics: the queries must return series.
SURE = ("node_load1", "node_memory_MemTotal_bytes", "node_time_seconds{", "node_cpu_seconds_total")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server that has scraped our exporter for some seconds."""
    async with redshank_exporter() as (_, address):
        job = {"name": "node", "targets": [address], "hosts": True}
        scrape = {"interval": "1s", "timeout": "1s", "jobs": [job]}
        data = tmp_path_factory.mktemp("grafana") / "data"
        async with redshank_server(data, {"scrape": scrape}) as server:

            async def rates() -> bool:
                # Panels end at a whole second, which may lie before the first scrape.
                query = f"rate(node_cpu_seconds_total[5s] @ {int(time.time())})"
                return bool(await server.query(query))

            await until(rates, "rates")
            yield server


async def get(server: Server, path: str, *parameters: tuple[str, str]) -> Any:
    """Return the data of a GET, which must succeed."""
    url = server.url + path
    async with server.session.get(url, params=parameters) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        document = json.loads(text)
    assert document["status"] == "success"
    return document["data"]


async def post(server: Server, path: str, **form: str) -> Any:
    """POST a form as Grafana's proxy does, and return the data of the answer."""
    async with server.session.post(server.url + path, data=form) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        document = json.loads(text)
    assert document["status"] == "success"
    return document["data"]


def window() -> dict[str, str]:
    """Return the last minute of a query, as a panel requests it."""
    now_s = int(time.time())
    return {"start": str(now_s - 60), "end": str(now_s), "step": "5"}


async def test_data_source_is_saved_and_tested(server: Server) -> None:
    for data in (
        await post(server, "/api/v1/query", query="1+1", time=f"{time.time():.3f}"),
        await get(server, "/api/v1/query", ("query", "1+1")),
    ):
        assert data["resultType"] == "scalar"
        assert data["result"][1] == "2"
    build = await get(server, "/api/v1/status/buildinfo")
    # Grafana reads the version to choose its requests, and the features to recognise Mimir.
    assert int(build["version"].split(".")[0]) == 3
    assert "features" not in build


async def test_label_and_metric_browsers_are_filled(server: Server) -> None:
    span = (("start", str(int(time.time()) - 3600)), ("end", str(int(time.time()))))
    names = await get(server, "/api/v1/label/__name__/values", *span, ("limit", "40000"))
    assert {"up", "node_load1"} <= set(names)
    labels = await get(server, "/api/v1/labels", *span, ("match[]", "node_cpu_seconds_total"))
    assert labels == ["__name__", "cpu", "instance", "job", "mode"]
    posted = await post(server, "/api/v1/labels", **dict(span))
    assert set(labels) <= set(posted)
    selector = ("match[]", '{__name__="node_cpu_seconds_total",cpu="0"}')
    modes = await get(server, "/api/v1/label/mode/values", *span, selector)
    assert {"idle", "user", "system"} <= set(modes)
    series = await get(server, "/api/v1/series", *span, selector)
    assert {each["mode"] for each in series} == set(modes)
    known = await get(server, "/api/v1/metadata", ("limit", "40000"))
    # By family as in Prometheus: the family of an OpenMetrics counter has no suffix.
    assert known["node_cpu_seconds"][0]["type"] == "counter"
    one = await get(server, "/api/v1/metadata", ("metric", "node_load1"))
    assert [each["type"] for each in one["node_load1"]] == ["gauge"]


async def test_variables_of_a_dashboard_are_found(server: Server) -> None:
    uname = await get(server, "/api/v1/series", ("match[]", "node_uname_info"))
    assert len({each["nodename"] for each in uname}) == 1
    result = await post(server, "/api/v1/query", query="count(up) by (job)")
    assert {each["metric"]["job"] for each in result["result"]} == {"node", "redshank"}


@pytest.mark.parametrize("query", DASHBOARD)
async def test_panel_is_answered(server: Server, query: str) -> None:
    expression = query.replace("HOST", HOST).replace("RATE", RATE).replace("$node", ".*")
    matrix, vector = await asyncio.gather(
        post(server, "/api/v1/query_range", query=expression, **window()),
        post(server, "/api/v1/query", query=expression, time=f"{time.time():.3f}"),
    )
    assert (matrix["resultType"], vector["resultType"]) == ("matrix", "vector") or (
        vector["resultType"] == "scalar"
    )
    for series in matrix["result"]:
        assert set(series) == {"metric", "values"}
        times_s = [time_s for time_s, _ in series["values"]]
        assert times_s == sorted(set(times_s))
        assert all(isinstance(value, str) for _, value in series["values"])
    if query.startswith(SURE):
        assert matrix["result"]
        assert vector["result"]


async def test_rules_alerts_and_exemplars_are_listed(server: Server) -> None:
    groups = (await get(server, "/api/v1/rules", ("type", "alert"), ("limit_alerts", "16")))[
        "groups"
    ]
    assert {rule["name"] for group in groups for rule in group["rules"]} >= {"HostDown"}
    for group in groups:
        assert {"name", "file", "interval", "rules", "lastEvaluation"} <= set(group)
        for rule in group["rules"]:
            assert {"state", "name", "query", "duration", "labels", "alerts", "health"} <= set(rule)
    assert (await get(server, "/api/v1/rules", ("type", "record")))["groups"] == []
    assert "alerts" in await get(server, "/api/v1/alerts")
    found = await post(server, "/api/v1/query_exemplars", query="node_load1", **window())
    assert found == []
    targets = await get(server, "/api/v1/targets", ("state", "active"))
    assert [each["health"] for each in targets["activeTargets"]]
    formatted = await post(server, "/api/v1/format_query", query="sum(up)by(job)")
    assert formatted == "sum by (job) (up)"
    parsed = await get(server, "/api/v1/parse_query", ("query", "sum(up)"))
    assert parsed["type"] == "aggregation"


async def test_invalid_query_has_the_error_that_grafana_shows(server: Server) -> None:
    form = {"query": "sum(", **window()}
    async with server.session.post(f"{server.url}/api/v1/query_range", data=form) as answer:
        assert answer.status == 400
        document = await answer.json()
    assert (document["status"], document["errorType"]) == ("error", "bad_data")
    assert document["error"].endswith("1:5: parse error: unclosed left parenthesis")
