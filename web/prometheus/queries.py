"""`/api/v1/query` and `/api/v1/query_range`."""

import asyncio

from aiohttp import web

from promql.api import (
    ExpressionTypeError,
    ParseError,
    QueryOptions,
    QueryRangeError,
    TooManyStepsError,
)
from web.http.errors import BadRequestError
from web.http.routing import Route
from web.prometheus.document_types import InstantData, MatrixData
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
    parse_length_ms,
    read_parameters,
    time_parameter,
)
from web.prometheus.query_responses import query_response, statistics_member
from web.services import Services


class QueryApi:
    """Evaluates queries."""

    def __init__(self, services: Services) -> None:
        self._engine, self._clock = services.engine, services.clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of both queries, each with GET and POST."""
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
        options = _options(parameters)
        started_s = _now_s()
        try:
            answer = await self._engine.instant(parameters.get("query", ""), time_ms, options)
        except ParseError as exc:
            raise invalid("query", exc) from exc
        stats = statistics_member(parameters.get("stats"), answer.statistics, _now_s() - started_s)
        return await query_response(request, answer, limit, stats)

    async def range(self, request: web.Request) -> web.StreamResponse:
        """Evaluate at evenly spaced times."""
        parameters = await read_parameters(request)
        limit = limit_parameter(parameters)
        start_ms = time_parameter(parameters, "start")
        end_ms = time_parameter(parameters, "end")
        step_ms = length_parameter(parameters, "step")
        if step_ms is None:
            raise invalid("step", 'cannot parse "" to a valid duration')
        options = _options(parameters)
        started_s = _now_s()
        try:
            answer = await self._engine.range(
                parameters.get("query", ""), start_ms, end_ms, step_ms, options
            )
        except (ParseError, ExpressionTypeError) as exc:
            raise invalid("query", exc) from exc
        except TooManyStepsError as exc:
            raise BadRequestError(str(exc), exc.parameter) from exc
        except QueryRangeError as exc:
            raise invalid(exc.parameter, exc) from exc
        stats = statistics_member(parameters.get("stats"), answer.statistics, _now_s() - started_s)
        return await query_response(request, answer, limit, stats)


def _options(parameters: Parameters) -> QueryOptions:
    timeout_ms = length_parameter(parameters, "timeout")
    lookback_ms = _lookback_parameter(parameters)
    return QueryOptions(
        timeout_s=None if timeout_ms is None else max(timeout_ms, 1) / 1000,
        lookback_ms=lookback_ms,
        statistics=bool(parameters.get("stats")),
    )


def _lookback_parameter(parameters: Parameters) -> int | None:
    """Return the lookback; 0 and less stand for the server's default, as in Prometheus."""
    try:
        lookback_ms = parse_length_ms(parameters.get("lookback_delta", "") or "0")
    except ValueError as exc:
        # Prometheus words this error differently from that of other durations.
        message = f"error parsing lookback delta duration: {exc}"
        raise BadRequestError(message, "lookback_delta") from None
    return lookback_ms if lookback_ms > 0 else None


def _now_s() -> float:
    return asyncio.get_running_loop().time()
