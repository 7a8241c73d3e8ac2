"""`/api/v1/query` and `/query_range`."""

import aiohttp
import numpy as np
import pytest

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import (
    Annotations,
    Answer,
    EvaluationError,
    InstantVector,
    ParseError,
    QueryCanceledError,
    QueryTimeoutError,
    Scalar,
    String,
)
from storage.api.errors import StorageError, StoreClosedError
from tests.web.prometheus.requests import ask
from tests.web.service_doubles import NOW_MS, vector
from tests.web.world import World


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


async def test_time_defaults_to_now_and_timeout_to_the_engines(world: World) -> None:
    world.engine.answers["x"] = Answer(String(NOW_MS, 'a"b'))
    answer = await ask(world, "query", query='"x"')
    assert answer["data"] == {"resultType": "string", "result": [NOW_MS / 1000, 'a"b']}
    assert world.engine.asked[0][1] == NOW_MS
    assert world.engine.options is not None
    assert world.engine.options.timeout_s is None


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
            "invalid time value for 'time': cannot parse",
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
async def test_bad_parameters_get_prometheus_messages(
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


async def test_limit_truncates_the_result_with_a_warning(world: World) -> None:
    world.engine.answers["up"] = vector({Labels.of(a="1"): 1.0, Labels.of(a="2"): 2.0})
    answer = await ask(world, "query", query="up", limit="1")
    assert len(answer["data"]["result"]) == 1
    assert answer["warnings"] == ["results truncated due to limit"]


async def test_without_login_the_api_answers_in_its_envelope(world: World) -> None:
    answer = await world.client.get("/api/v1/query?query=up")
    assert answer.status == 401
    assert (await answer.json())["status"] == "error"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_empty_vector_is_an_empty_list(world: World) -> None:
    world.engine.answers["up"] = Answer(InstantVector(0, (), np.empty(0)))
    assert (await ask(world, "query", query="up"))["data"]["result"] == []


@pytest.mark.parametrize("delta", ["0", "-5", "0s"])
async def test_lookback_of_zero_or_less_is_the_default(world: World, delta: str) -> None:
    world.engine.answers["up"] = Answer(Scalar(2_000, 0.1))
    await ask(world, "query", query="up", lookback_delta=delta)
    assert world.engine.options is not None
    assert world.engine.options.lookback_ms is None


async def test_query_takes_a_multipart_form(world: World) -> None:
    world.engine.answers["up"] = Answer(Scalar(2_000, 0.1))
    form = aiohttp.FormData({"query": "up", "time": "2"}, default_to_multipart=True)
    answer = await world.client.post("/api/v1/query", data=form, headers=await world.bearer())
    assert (await answer.json())["data"]["result"] == [2, "0.1"]


async def test_url_comes_before_a_multipart_form(world: World) -> None:
    world.engine.answers["up"] = Answer(Scalar(2_000, 0.1))
    form = aiohttp.FormData({"query": "down"}, default_to_multipart=True)
    answer = await world.client.post(
        "/api/v1/query?query=up", data=form, headers=await world.bearer()
    )
    assert (await answer.json())["data"]["result"] == [2, "0.1"]


async def test_text_that_is_not_utf8_is_answered_with_replacement_characters(world: World) -> None:
    world.engine.answers["text"] = Answer(String(0, "a\udcffb\udcc3"))
    answer = await ask(world, "query", query="text")
    assert answer["data"]["result"][1] == "a\ufffdb\ufffd"
    world.engine.answers["labels"] = vector({Labels.of(a="\udcff"): 1.0})
    answer = await ask(world, "query", query="labels")
    assert answer["data"]["result"][0]["metric"] == {"a": "\ufffd"}
    world.engine.answers["failing"] = EvaluationError("bad name \udcff")
    answer = await ask(world, "query", 422, query="failing")
    assert answer["error"] == "bad name \ufffd"
