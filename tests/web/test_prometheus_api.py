from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import ABSENT, STALE, AlignedSeries
from model.targets import Health
from promql.api import (
    Annotations,
    Answer,
    EvaluationError,
    InstantVector,
    ParseError,
    QueryCanceledError,
    QueryStatistics,
    QueryTimeoutError,
    Scalar,
    String,
)
from scraper.exposition.families import MetricMetadata
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition
from scraper.fetching.targets import DroppedTarget
from storage.api.alerts import AlertState
from storage.api.errors import StorageError, StoreClosedError
from tests.web.web_doubles import NOW_MS, World, an_alert, target_status, vector, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def ask(world: World, path: str, status: Any = 200, **parameters: Any) -> Any:
    answer = await world.client.get(
        f"/api/v1/{path}", params=parameters, headers=await world.bearer()
    )
    document = await answer.json()
    assert answer.status == status, document
    return document


async def test_instant_vector_has_prometheus_envelope(world: World) -> None:
    world.engine.answers["up"] = vector({Labels.of(__name__="up", job="node"): 1.0}, 1_500)
    assert await ask(world, "query", query="up", time="1.5") == {
        "status": "success",
        "data": {
            "resultType": "vector",
            "result": [{"metric": {"__name__": "up", "job": "node"}, "value": [1.5, "1"]}],
        },
    }
    assert world.engine.asked == [("up", 1500, 1500, 0)]


async def test_query_takes_a_form_too(world: World) -> None:
    world.engine.answers["up"] = Answer(Scalar(2_000, 0.1))
    form = {"query": "up", "time": "1970-01-01T00:00:02Z", "timeout": "5s"}
    answer = await world.client.post("/api/v1/query", data=form, headers=await world.bearer())
    assert await answer.json() == {
        "status": "success",
        "data": {"resultType": "scalar", "result": [2, "0.1"]},
    }
    assert world.engine.options is not None
    assert world.engine.options.timeout_s == 5.0


async def test_time_defaults_to_now_and_timeout_is_bounded(world: World) -> None:
    world.engine.answers["x"] = Answer(String(NOW_MS, 'a"b'))
    answer = await ask(world, "query", query='"x"', timeout="1h")
    assert answer["data"] == {"resultType": "string", "result": [NOW_MS / 1000, 'a"b']}
    assert world.engine.asked[0][1] == NOW_MS
    assert world.engine.options is not None
    assert world.engine.options.timeout_s == 120.0


async def test_range_query_gives_a_matrix(world: World) -> None:
    labels = (Labels.of(a="1"), Labels.of(a="2"))
    values = np.array([[1.0, 2.5], [np.nan, np.inf]])
    matrix = AlignedSeries.of_source(labels, np.array([0, 15_500]), values)
    world.engine.answers["rate"] = Answer(matrix, Annotations(("careful",), ("by the way",)))
    answer = await ask(world, "query_range", query="rate(x[1m])", start="0", end="30", step="15.5")
    assert answer == {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [
                {"metric": {"a": "1"}, "values": [[0, "1"], [15.5, "2.5"]]},
                {"metric": {"a": "2"}, "values": [[0, "NaN"], [15.5, "+Inf"]]},
            ],
        },
        "warnings": ["careful"],
        "infos": ["by the way"],
    }
    assert world.engine.asked == [("rate(x[1m])", 0, 30_000, 15_500)]


@pytest.mark.parametrize(
    ("path", "parameters", "error"),
    [
        (
            "query",
            {"time": "x", "query": "up"},
            "Invalid time value for 'time': cannot parse",
        ),
        ("query", {"timeout": "x", "query": "up"}, 'cannot parse "x" to a valid duration'),
        ("query", {}, 'invalid parameter "query": unknown position: parse error: no expression'),
        ("query", {"query": "up", "limit": "-1"}, "limit must be non-negative"),
        ("query", {"query": "up", "limit": "x"}, 'strconv.Atoi: parsing "x"'),
        ("query_range", {"query": "up"}, 'invalid parameter "start": cannot parse "" to a valid'),
        (
            "query_range",
            {"query": "up", "start": "2", "end": "1", "step": "1"},
            'invalid parameter "end": end timestamp must not be before start time',
        ),
        (
            "query_range",
            {"query": "up", "start": "1", "end": "2", "step": "0"},
            'invalid parameter "step": zero or negative query resolution step widths are not',
        ),
        (
            "query_range",
            {"query": "up", "start": "1", "end": "2"},
            'invalid parameter "step": cannot parse "" to a valid duration',
        ),
        (
            "query_range",
            {"query": "up", "start": "0", "end": "11001", "step": "1"},
            (
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                "query resolution (?step=XX)"
            ),
        ),
        ("series", {}, "no match[] parameter provided"),
        ("series", {"match[]": "{}"}, "must contain at least one non-empty matcher"),
        ("series", {"match[]": "1x"}, 'invalid parameter "match[]": 1:1: parse error'),
    ],
)
async def test_bad_parameters_are_told_in_prometheus_words(
    world: World, path: str, parameters: dict[str, str], error: str
) -> None:
    answer = await ask(world, path, 400, **parameters)
    assert answer["status"] == "error"
    assert answer["errorType"] == "bad_data"
    assert error in answer["error"]


async def test_eleven_thousand_points_are_allowed(world: World) -> None:
    await ask(world, "query_range", query="up", start="0", end="11000", step="1")


@pytest.mark.parametrize(
    ("exc", "status", "kind"),
    [
        (ParseError("1:1: parse error: x", 0, 1), 400, "bad_data"),
        (EvaluationError("many-to-many matching not allowed"), 422, "execution"),
        (QueryTimeoutError("query timed out"), 503, "timeout"),
        (QueryCanceledError("query was canceled"), 499, "canceled"),
        (StoreClosedError("chunks.db is closed"), 503, "unavailable"),
        (StorageError("chunks.db: disk I/O error"), 500, "internal"),
        (ZeroDivisionError("oops"), 500, "internal"),
    ],
)
async def test_failed_query_has_prometheus_status(
    world: World, exc: Exception, status: int, kind: str
) -> None:
    world.engine.answers["up"] = exc
    answer = await ask(world, "query", status, query="up")
    assert answer["errorType"] == kind
    assert "oops" not in answer["error"]


async def test_limit_cuts_the_result_and_says_so(world: World) -> None:
    world.engine.answers["up"] = vector({Labels.of(a="1"): 1.0, Labels.of(a="2"): 2.0})
    answer = await ask(world, "query", query="up", limit="1")
    assert len(answer["data"]["result"]) == 1
    assert answer["warnings"] == ["results truncated due to limit"]


async def test_without_login_the_api_answers_in_its_envelope(world: World) -> None:
    answer = await world.client.get("/api/v1/query?query=up")
    assert answer.status == 401
    assert (await answer.json())["status"] == "error"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_series_labels_and_values_come_from_the_store(world: World) -> None:
    world.samples.known = [
        Labels.of(__name__="up", job="b", path="C:\\<b>"),
        Labels.of(__name__="up", job="a"),
        Labels.of(__name__="other"),
    ]
    series = await ask(world, "series", **{"match[]": "up"})
    assert series["data"] == [
        {"__name__": "up", "job": "a"},
        {"__name__": "up", "job": "b", "path": "C:\\<b>"},
    ]
    assert (await ask(world, "labels"))["data"] == ["__name__", "job", "path"]
    assert (await ask(world, "label/job/values"))["data"] == ["a", "b"]
    assert (await ask(world, "label/U__jo_62_/values"))["data"] == ["a", "b"]
    assert (await ask(world, "label/job/values", **{"match[]": "other"}))["data"] == []
    cut = await ask(world, "label/job/values", limit="1", start="1", end="2")
    assert (cut["data"], cut["warnings"]) == (["a"], ["results truncated due to limit"])
    assert world.samples.asked[-1] == (1000, 2000)


async def test_targets_have_prometheus_fields(world: World) -> None:
    world.statuses.append(
        target_status(health=Health.DOWN, error="connection refused", now_ms=1_700_000_004_007)
    )
    answer = await ask(world, "targets")
    assert answer["data"] == {
        "activeTargets": [
            {
                "discoveredLabels": {"__address__": "10.0.0.5:9100", "__scheme__": "http"},
                "labels": {"instance": "10.0.0.5:9100", "job": "node"},
                "scrapePool": "node",
                "scrapeUrl": "http://10.0.0.5:9100/metrics",
                "globalUrl": "http://10.0.0.5:9100/metrics",
                "lastError": "connection refused",
                "lastScrape": "2023-11-14T22:13:20.007Z",
                "lastScrapeDuration": 0.0123,
                "health": "down",
                "scrapeInterval": "15s",
                "scrapeTimeout": "10s",
            }
        ],
        "droppedTargets": [],
        "droppedTargetCounts": {},
    }
    assert (await ask(world, "targets", state="dropped"))["data"]["activeTargets"] == []
    assert (await ask(world, "targets", scrapePool="x"))["data"]["activeTargets"] == []


async def test_dropped_targets_are_told_by_job(world: World) -> None:
    world.statuses.append(target_status())
    world.finds.names = ["node", "blackbox"]
    world.finds.dropped_targets = [DroppedTarget("node", Labels.of(__address__="a:1"), "rule 1")]
    data = (await ask(world, "targets"))["data"]
    dropped = {"discoveredLabels": {"__address__": "a:1"}, "scrapePool": "node"}
    assert data["droppedTargets"] == [dropped]
    assert data["droppedTargetCounts"] == {"blackbox": 0, "node": 1}
    data = (await ask(world, "targets", state="active"))["data"]
    assert (len(data["activeTargets"]), data["droppedTargets"]) == (1, [])
    assert data["droppedTargetCounts"] is None
    other = (await ask(world, "targets", scrapePool="blackbox"))["data"]
    assert (other["activeTargets"], other["droppedTargets"]) == ([], [])
    nothing = (await ask(world, "targets", state="x"))["data"]
    assert (nothing["activeTargets"], nothing["droppedTargets"]) == ([], [])


async def test_target_metadata_is_told_by_target(world: World) -> None:
    up, load = (MetricMetadata("gauge", text, "") for text in ("Is up.", "Load."))
    targets = [target_status(instance=name).target for name in ("a:1", "b:1")]
    world.metadata += [(targets[0], {"up": up, "load": load}), (targets[1], {"up": up})]
    found = (await ask(world, "targets/metadata", match_target='{instance="a:1"}'))["data"]
    assert found == [
        {
            "target": {"instance": "a:1", "job": "node"},
            "metric": name,
            "type": "gauge",
            "help": text,
            "unit": "",
        }
        for name, text in (("load", "Load."), ("up", "Is up."))
    ]
    named = (await ask(world, "targets/metadata", metric="up"))["data"]
    assert [entry["target"]["instance"] for entry in named] == ["a:1", "b:1"]
    assert "metric" not in named[0]
    assert len((await ask(world, "targets/metadata", limit="1"))["data"]) == 2
    for parameters in ({"limit": "x"}, {"match_target": "{"}):
        answer = await ask(world, "targets/metadata", 400, **parameters)
        assert answer["errorType"] == "bad_data"


async def test_alerts_are_pending_or_firing(world: World) -> None:
    for state in (AlertState.PENDING, AlertState.NO_DATA, AlertState.RESOLVED):
        await world.desk.put(an_alert(state, value=0.5, now_ms=1_000))
    answer = await ask(world, "alerts")
    assert [alert["state"] for alert in answer["data"]["alerts"]] == ["pending", "firing"]
    assert answer["data"]["alerts"][0] == {
        "labels": {
            "alertname": "HighCpu",
            "instance": "a:9100",
            "job": "node",
            "severity": "critical",
        },
        "annotations": {"summary": "CPU at 97.5 %"},
        "state": "pending",
        "activeAt": "1970-01-01T00:00:01Z",
        "value": "5e-01",
    }


async def test_rules_can_be_narrowed_to_a_type(world: World) -> None:
    (group,) = (await ask(world, "rules"))["data"]["groups"]
    assert {rule["type"] for rule in group["rules"]} == {"alerting"}
    assert {rule["name"] for rule in group["rules"]} >= {"HostDown"}
    assert (await ask(world, "rules", type="record"))["data"] == {"groups": []}


async def test_build_info_names_the_compatible_version(world: World) -> None:
    data = (await ask(world, "status/buildinfo"))["data"]
    assert data["version"] == "3.5.0"
    assert data["revision"] == "redshank-0.1.0"


async def test_unknown_metric_has_no_metadata(world: World) -> None:
    assert (await ask(world, "metadata", metric="x"))["data"] == {}


async def test_metrics_are_the_handed_in_registry(world: World) -> None:
    answer = await world.client.get("/metrics")
    assert "redshank_example_total 1.0" in await answer.text()
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    open_metrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = await world.client.get("/metrics", headers=open_metrics)
    assert (await answer.text()).endswith("# EOF\n")


async def test_probes_answer_anybody(world: World) -> None:
    for path in ("/-/healthy", "/-/ready", "/health"):
        assert (await world.client.get(path)).status == 200
    health = await (await world.client.get("/health")).json()
    assert (health["ok"], health["status"], health["uptime_s"]) == (True, "healthy", 3600)


async def test_empty_vector_is_an_empty_list(world: World) -> None:
    world.engine.answers["up"] = Answer(InstantVector(0, (), np.empty(0)))
    assert (await ask(world, "query", query="up"))["data"]["result"] == []


async def test_query_is_laid_out_and_taken_apart(world: World) -> None:
    formatted = await ask(world, "format_query", query="sum by(job)(up)")
    assert formatted["data"] == "sum by (job) (up)"
    tree = await ask(world, "parse_query", query="up + 1")
    assert (tree["data"]["type"], tree["data"]["op"]) == ("binaryExpr", "+")
    for path in ("format_query", "parse_query", "query_exemplars"):
        wrong = await ask(world, path, 400, query="sum(")
        assert wrong["error"].endswith("1:5: parse error: unclosed left parenthesis")
    assert (await ask(world, "query_exemplars", query="up"))["data"] == []


async def test_jobs_without_targets_are_pools_too(world: World) -> None:
    world.finds.names = ["node", "empty"]
    assert (await ask(world, "scrape_pools"))["data"] == {"scrapePools": ["empty", "node"]}


async def test_store_tells_what_its_series_are_made_of(world: World) -> None:
    world.samples.known = [Labels.of(__name__="up", job="a"), Labels.of(__name__="up", job="b")]
    data = (await ask(world, "status/tsdb"))["data"]
    assert data == {
        "headStats": {
            "numSeries": 2,
            "numLabelPairs": 3,
            "chunkCount": 1,
            "minTime": 2**63 - 1,
            "maxTime": -(2**63),
        },
        "seriesCountByMetricName": [{"name": "up", "value": 2}],
        "labelValueCountByLabelName": [
            {"name": "job", "value": 2},
            {"name": "__name__", "value": 1},
        ],
        "memoryInBytesByLabelName": [],
        "seriesCountByLabelValuePair": [
            {"name": "__name__=up", "value": 2},
            {"name": "job=a", "value": 1},
            {"name": "job=b", "value": 1},
        ],
    }
    assert (
        len((await ask(world, "status/tsdb", limit="1"))["data"]["labelValueCountByLabelName"]) == 1
    )
    for limit in ("0", "-1", "x", "10001"):
        assert (await ask(world, "status/tsdb", 400, limit=limit))["errorType"] == "bad_data"


async def test_what_the_server_runs_on_is_told(world: World) -> None:
    assert (await ask(world, "status/config"))["data"] == {"yaml": world.configuration.text}
    assert (await ask(world, "status/flags"))["data"] == {"config.file": "/etc/redshank.yml"}
    data = (await ask(world, "status/runtimeinfo"))["data"]
    assert data["startTime"] == "2025-11-22T13:00:00Z"
    assert (data["reloadConfigSuccess"], data["lastConfigTime"]) == (True, "2025-11-22T13:59:00Z")
    assert data["storageRetention"] == "730d"
    assert (await ask(world, "status/walreplay"))["data"]["state"] == "done"


async def test_reload_tells_what_waits_for_a_restart(world: World) -> None:
    world.configuration.restart_needed = ("server.listen",)
    for method in ("POST", "PUT"):
        answer = await world.client.request(method, "/-/reload", headers=await world.bearer())
        assert answer.status == 200
        assert await answer.json() == {"restart_needed": ["server.listen"]}
    assert world.configuration.reloads == 2


async def test_refused_configuration_is_told_with_its_place(world: World) -> None:
    world.configuration.error = "p.yml:3: bad"
    answer = await world.client.post("/-/reload", headers=await world.bearer())
    assert (answer.status, await answer.json()) == (500, {"error": "p.yml:3: bad"})


async def test_federation_gives_the_latest_samples_that_have_not_ended(world: World) -> None:
    values = np.array([[1.0, np.nan], [1.0, STALE], [2.5, ABSENT]])
    labels = [
        Labels.of(__name__="up", job='a"b\n'),
        Labels.of(__name__="gone"),
        Labels.of({"__name__": "höhe", "le.vel": "1"}),
    ]
    times = np.array([NOW_MS - 2000, NOW_MS - 1000])
    world.samples.stored = [AlignedSeries.of_source(labels, times, values)]
    answer = await world.client.get(
        "/federate?match[]=up&match[]=other", headers=await world.bearer()
    )
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = await answer.text()
    assert text == (
        '# TYPE "höhe" untyped\n'
        f'{{"höhe","le.vel"="1"}} 2.5 {NOW_MS - 2000}\n'
        "# TYPE up untyped\n"
        f'up{{job="a\\"b\\n"}} NaN {NOW_MS - 1000}\n'
    )
    parsed = parse_exposition(text.encode(), ExpositionFormat.TEXT)
    assert {dict(sample.pairs)["__name__"] for sample in parsed.samples} == {"höhe", "up"}
    nothing = await world.client.get("/federate", headers=await world.bearer())
    assert (nothing.status, await nothing.text()) == (200, "")
    refused = await world.client.get("/federate?match[]={}", headers=await world.bearer())
    assert refused.status == 400
    assert await refused.text() == "match[] must contain at least one non-empty matcher\n"


async def test_large_answers_are_streamed_and_whole(world: World) -> None:
    series, points = 300, 1_000
    labels = [Labels.of(n=str(index)) for index in range(series)]
    values = np.arange(float(series * points)).reshape(series, points)
    times = np.arange(points) * 1000
    matrix = AlignedSeries.of_source(labels, times, values)
    cost = QueryStatistics(0, 0, 0, 0, 9, np.array([3, 4]), np.array([0, 1000]))
    world.engine.answers["x"] = Answer(matrix, Annotations(("careful",)), 7, cost)
    parameters = {"query": "x", "start": "0", "end": "1000", "step": "1", "stats": "1"}
    answer = await world.client.get(
        "/api/v1/query_range", params=parameters, headers=await world.bearer()
    )
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Content-Encoding"] == "deflate"
    document = await answer.json()
    result = document["data"]["result"]
    assert [len(each["values"]) for each in result] == [points] * series
    assert result[-1]["values"][-1] == [points - 1, str(series * points - 1)]
    assert document["warnings"] == ["careful"]
    told = {"totalQueryableSamples": 7, "peakSamples": 9}
    assert document["data"]["stats"]["samples"] == told
    head = await world.client.head(
        "/api/v1/query_range", params=parameters, headers=await world.bearer()
    )
    assert (head.status, await head.read()) == (200, b"")


async def test_many_series_are_streamed_and_whole(world: World) -> None:
    world.samples.known = [Labels.of(__name__="up", n=f"{index:05}") for index in range(5_000)]
    cut = await ask(world, "series", **{"match[]": "up", "limit": "4000"})
    assert [each["n"] for each in cut["data"]] == [f"{index:05}" for index in range(4_000)]
    assert cut["warnings"] == ["results truncated due to limit"]


async def test_statistics_are_told_where_asked_for(world: World) -> None:
    cost = QueryStatistics(0.5, 0.25, 2, 1, 20, np.array([12]), np.array([1500]))
    world.engine.answers["up"] = Answer(Scalar(0, 1.0), statistics=cost)
    data = (await ask(world, "query", query="up", stats="all"))["data"]
    assert data["stats"] == {
        "timings": {
            "evalTotalTime": 3.25,
            "resultSortTime": 1.0,
            "queryPreparationTime": 0.25,
            "innerEvalTime": 2.0,
            "execQueueTime": 0.5,
            "execTotalTime": 3.75,
        },
        "samples": {
            "totalQueryableSamplesPerStep": [[1.5, 12]],
            "totalQueryableSamples": 12,
            "peakSamples": 20,
        },
    }
    data = (await ask(world, "query", query="up", stats="yes"))["data"]
    assert data["stats"]["samples"] == {"totalQueryableSamples": 12, "peakSamples": 20}
    assert "stats" not in (await ask(world, "query", query="up"))["data"]
