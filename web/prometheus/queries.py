"""`/api/v1/query` and `/api/v1/query_range`."""

import asyncio
from dataclasses import replace
from typing import Final

from aiohttp import web

from model.series import AlignedSeries
from promql.api import Answer, InstantVector, ParseError, QueryOptions
from web.errors import BadRequestError
from web.prometheus.encoding import encode_value
from web.prometheus.envelope import TRUNCATED, success
from web.prometheus.parameters import (
    Parameters,
    invalid,
    length_parameter,
    limit_parameter,
    read_parameters,
    time_parameter,
)
from web.routing import Access, Route, Surface
from web.services import Services
from web.settings import WebSettings

MOST_POINTS: Final = 11_000
"""Of one series: a week at a resolution of a minute, a year at one of an hour."""

_THREAD_FROM_SAMPLES: Final = 20_000
"""About 2 ms of formatting; smaller results are not worth the way to a thread."""


class Queries:
    """Evaluates what clients ask."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self._engine, self._clock = services.engine, services.clock
        self._longest_s = settings.query_timeout_s

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of both queries, each by GET and POST."""
        return tuple(
            Route(method, path, handler, Access.VIEWER, Surface.PROMETHEUS)
            for path, handler in (
                ("/api/v1/query", self.instant),
                ("/api/v1/query_range", self.range),
            )
            for method in ("GET", "POST")
        )

    async def instant(self, request: web.Request) -> web.Response:
        """Evaluate at one time."""
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        time_ms = time_parameter(parameters, "time", self._clock())
        options = self._options(parameters)
        try:
            answer = await self._engine.instant(parameters.get("query", ""), time_ms, options)
        except ParseError as exc:
            raise invalid("query", exc) from exc
        return await _answered(answer, limit)

    async def range(self, request: web.Request) -> web.Response:
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
        try:
            answer = await self._engine.range(
                parameters.get("query", ""), start_ms, end_ms, step_ms, options
            )
        except ParseError as exc:
            raise invalid("query", exc) from exc
        return await _answered(answer, limit)

    def _options(self, parameters: Parameters) -> QueryOptions:
        timeout_ms = length_parameter(parameters, "timeout")
        lookback_ms = length_parameter(parameters, "lookback_delta")
        if lookback_ms is not None and lookback_ms <= 0:
            raise invalid("lookback_delta", "must be positive")
        wanted_s = self._longest_s if timeout_ms is None else max(timeout_ms, 1) / 1000
        return QueryOptions(timeout_s=min(wanted_s, self._longest_s), lookback_ms=lookback_ms)


async def _answered(answer: Answer, limit: int) -> web.Response:
    value, cut = answer.value, False
    if limit and isinstance(value, InstantVector | AlignedSeries) and len(value.labels) > limit:
        value, cut = _first(value, limit), True
    warnings = (TRUNCATED,) if cut else ()
    if isinstance(value, AlignedSeries) and value.sample_slots > _THREAD_FROM_SAMPLES:
        data = await asyncio.to_thread(encode_value, value)
    else:
        data = encode_value(value)
    return success(data, answer.annotations, warnings)


def _first(value: InstantVector | AlignedSeries, limit: int) -> InstantVector | AlignedSeries:
    if isinstance(value, InstantVector):
        return replace(value, labels=value.labels[:limit], values=value.values[:limit])
    return replace(
        value, labels=value.labels[:limit], values=value.values[:limit], rows=value.rows[:limit]
    )
