"""`/api/v1/query` and `/api/v1/query_range`."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from aiohttp import web

from model.series import AlignedSeries
from promql.api import Answer, ExpressionTypeError, InstantVector, ParseError, QueryOptions
from web.http.errors import BadRequestError
from web.http.responses import body_response, json_bytes
from web.http.routing import Route
from web.prometheus.document_types import InstantData, MatrixData
from web.prometheus.encoding import encode_value, open_pieces
from web.prometheus.envelope import OPENING, TRUNCATED, closing, success
from web.prometheus.operations import (
    QueryParameters,
    RangeParameters,
    get_and_post,
    prometheus_operation,
)
from web.prometheus.parameters import (
    Parameters,
    invalid,
    length_parameter,
    limit_parameter,
    read_parameters,
    time_parameter,
)
from web.prometheus.streaming import streamed
from web.services import Services
from web.settings import WebSettings

MOST_POINTS: Final = 11_000
"""Of one series: a week at a resolution of a minute, a year at one of an hour."""

_THREAD_FROM_SAMPLES: Final = 20_000
"""About 2 ms of formatting; smaller results are not worth the way to a thread."""

_STREAM_FROM_SAMPLES: Final = 60_000
"""About 6 MB of JSON; larger results are sent while they are written."""


_SAMPLES_A_LABEL_SET: Final = 10


class Queries:
    """Evaluates what clients ask."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self._engine, self._clock = services.engine, services.clock
        self._longest_s = settings.query_timeout_s

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of both queries, each by GET and POST."""
        failures = (422, 503)
        instant = prometheus_operation(InstantData, QueryParameters, failures)
        range_ = prometheus_operation(MatrixData, RangeParameters, failures)
        return (
            *get_and_post("/api/v1/query", self.instant, instant),
            *get_and_post("/api/v1/query_range", self.range, range_),
        )

    async def instant(self, request: web.Request) -> web.StreamResponse:
        """Evaluate at one time."""
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        time_ms = time_parameter(parameters, "time", self._clock())
        options = self._options(parameters)
        started_s = _now_s()
        try:
            answer = await self._engine.instant(parameters.get("query", ""), time_ms, options)
        except ParseError as exc:
            raise invalid("query", exc) from exc
        return await _answered(request, answer, limit, _statistics(parameters, answer, started_s))

    async def range(self, request: web.Request) -> web.StreamResponse:
        """Evaluate at evenly spaced times."""
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        start_ms = time_parameter(parameters, "start")
        end_ms = time_parameter(parameters, "end")
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        step_ms = length_parameter(parameters, "step")
        if step_ms is None:
            raise invalid("step", 'cannot parse "" to a valid duration')
        if step_ms <= 0:
            raise invalid(
                "step",
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer",
            )
        if (end_ms - start_ms) // step_ms > MOST_POINTS:
            raise BadRequestError(
                f"exceeded maximum resolution of {MOST_POINTS:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)",
                "step",
            )
        options = self._options(parameters)
        started_s = _now_s()
        try:
            answer = await self._engine.range(
                parameters.get("query", ""), start_ms, end_ms, step_ms, options
            )
        except (ParseError, ExpressionTypeError) as exc:
            raise invalid("query", exc) from exc
        return await _answered(request, answer, limit, _statistics(parameters, answer, started_s))

    def _options(self, parameters: Parameters) -> QueryOptions:
        timeout_ms = length_parameter(parameters, "timeout")
        lookback_ms = length_parameter(parameters, "lookback_delta")
        if lookback_ms is not None and lookback_ms <= 0:
            raise invalid("lookback_delta", "must be positive")
        wanted_s = self._longest_s if timeout_ms is None else max(timeout_ms, 1) / 1000
        return QueryOptions(
            timeout_s=min(wanted_s, self._longest_s),
            lookback_ms=lookback_ms,
            statistics=bool(parameters.get("stats")),
        )


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _statistics(parameters: Parameters, answer: Answer, started_s: float) -> bytes:
    """Return the member `stats` of the data where the client asked for it, else nothing."""
    wanted, cost = parameters.get("stats"), answer.statistics
    if not wanted or cost is None:
        return b""
    evaluation_s = cost.preparation_s + cost.evaluation_s + cost.sort_s
    samples: dict[str, object] = {}
    if wanted == "all":
        seconds, counts = (cost.steps_ms / 1000).tolist(), cost.step_samples.tolist()
        samples["totalQueryableSamplesPerStep"] = list(zip(seconds, counts, strict=True))
    samples["totalQueryableSamples"] = int(cost.step_samples.sum())
    samples["peakSamples"] = cost.peak_samples
    timings = {
        "evalTotalTime": evaluation_s,
        "resultSortTime": cost.sort_s,
        "queryPreparationTime": cost.preparation_s,
        "innerEvalTime": cost.evaluation_s,
        "execQueueTime": cost.queue_s,
        # The way to the evaluating thread and back included.
        "execTotalTime": max(_now_s() - started_s, evaluation_s + cost.queue_s),
    }
    rounded = {name: round(value_s, 9) for name, value_s in timings.items()}
    return b',"stats":' + json_bytes({"timings": rounded, "samples": samples})


async def _answered(
    request: web.Request, answer: Answer, limit: int, statistics: bytes
) -> web.StreamResponse:
    value, cut = answer.value, False
    if limit and isinstance(value, InstantVector | AlignedSeries) and len(value.labels) > limit:
        value, cut = _first(value, limit), True
    warnings = (TRUNCATED,) if cut else ()
    if not isinstance(value, InstantVector | AlignedSeries):
        data = encode_value(value)
        return success(data[:-1] + statistics + b"}", answer.annotations, warnings)
    pieces = _pieces(value, statistics, closing(answer.annotations, warnings))
    cost = _cost(value)
    if cost > _STREAM_FROM_SAMPLES:
        return await streamed(request, pieces, "application/json")
    if cost > _THREAD_FROM_SAMPLES:
        body = await asyncio.to_thread(b"".join, pieces)
    else:
        body = b"".join(pieces)
    return body_response(body, "application/json")


def _cost(value: InstantVector | AlignedSeries) -> int:
    """Return how many samples take as long to write: labels take longer than numbers."""
    if isinstance(value, InstantVector):
        return len(value.labels) * _SAMPLES_A_LABEL_SET
    return value.sample_slots


def _pieces(
    value: InstantVector | AlignedSeries, statistics: bytes, end: bytes
) -> Iterator[bytes | memoryview]:
    yield OPENING
    yield from open_pieces(value)
    yield statistics + b"}" + end


def _first(value: InstantVector | AlignedSeries, limit: int) -> InstantVector | AlignedSeries:
    if isinstance(value, InstantVector):
        return replace(value, labels=value.labels[:limit], values=value.values[:limit])
    return replace(
        value, labels=value.labels[:limit], values=value.values[:limit], rows=value.rows[:limit]
    )
