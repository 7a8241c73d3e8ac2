"""Answers PromQL that another feature has made, in the form of Prometheus's API."""

from typing import Final

from aiohttp import web

from promql.api import (
    ExpressionTypeError,
    ParseError,
    QueryEngine,
    QueryOptions,
    QueryRangeError,
)
from web.http.errors import BadRequestError
from web.prometheus.query_responses import query_response

# A reader without a login gets less time than a user.
_OPTIONS: Final = QueryOptions(timeout_s=10)


class EngineAnswers:
    """Evaluates queries, with the limits of readers without a login."""

    def __init__(self, engine: QueryEngine) -> None:
        self._engine = engine

    async def answer(
        self, request: web.Request, expression: str, times_ms: tuple[int, int, int] | int
    ) -> web.StreamResponse:
        """Return the response at one time, or at (start, end, step); in milliseconds."""
        try:
            if isinstance(times_ms, int):
                answer = await self._engine.instant(expression, times_ms, _OPTIONS)
            else:
                answer = await self._engine.range(expression, *times_ms, _OPTIONS)
        except (ParseError, ExpressionTypeError, QueryRangeError) as exc:
            raise BadRequestError(str(exc), "ref") from exc
        return await query_response(request, answer, 0, b"")
