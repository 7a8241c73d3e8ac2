"""`/api/v1/format_query`, `/parse_query` and `/query_exemplars`: queries as texts."""

from aiohttp import web

from promql.api import EvaluationError, ParseError
from promql.parser import parse
from promql.printer import format_query
from promql.tree import tree
from web.errors import BadRequestError
from web.prometheus.envelope import success_of
from web.prometheus.parameters import (
    EARLIEST_MS,
    LATEST_MS,
    invalid,
    read_parameters,
    time_parameter,
)
from web.routing import Access, Route, Surface


class Expressions:
    """Reads queries without evaluating them."""

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, each by GET and POST."""
        return tuple(
            Route(method, f"/api/v1/{name}", handler, Access.VIEWER, Surface.PROMETHEUS)
            for name, handler in (
                ("format_query", self.format),
                ("parse_query", self.parse),
                ("query_exemplars", self.exemplars),
            )
            for method in ("GET", "POST")
        )

    async def format(self, request: web.Request) -> web.Response:
        """Return a query laid out for people to read."""
        parameters = await read_parameters(request)
        try:
            return success_of(format_query(parameters.get("query", "")))
        except (ParseError, EvaluationError) as exc:
            raise invalid("query", exc) from exc

    async def parse(self, request: web.Request) -> web.Response:
        """Return a query's syntax tree."""
        parameters = await read_parameters(request)
        try:
            return success_of(tree(parse(parameters.get("query", ""))))
        except (ParseError, EvaluationError) as exc:
            raise invalid("query", exc) from exc

    async def exemplars(self, request: web.Request) -> web.Response:
        """Return no exemplars, because none are kept; a bad request is refused all the same."""
        parameters = await read_parameters(request)
        start_ms = time_parameter(parameters, "start", EARLIEST_MS)
        if time_parameter(parameters, "end", LATEST_MS) < start_ms:
            raise BadRequestError("end timestamp must not be before start timestamp", "end")
        parse(parameters.get("query", ""))
        return success_of([])
