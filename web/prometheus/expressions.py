"""`/api/v1/format_query`, `/parse_query` and `/query_exemplars`: queries as texts."""

from aiohttp import web

from promql.api import EvaluationError, ParseError
from promql.syntax.parser import parse
from promql.syntax.printer import format_query
from promql.syntax.tree import tree
from web.http.errors import BadRequestError
from web.http.routing import Route
from web.prometheus.document_types import SyntaxNode
from web.prometheus.envelope import success_of
from web.prometheus.operations import (
    ExemplarParameters,
    ExpressionParameters,
    get_and_post,
    prometheus_operation,
)
from web.prometheus.parameters import (
    EARLIEST_MS,
    LATEST_MS,
    invalid,
    read_parameters,
    time_parameter,
)


class Expressions:
    """Reads queries without evaluating them."""

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, each by GET and POST."""
        text = prometheus_operation(str, ExpressionParameters)
        syntax = prometheus_operation(SyntaxNode, ExpressionParameters)
        none = prometheus_operation(list[SyntaxNode], ExemplarParameters)
        return (
            *get_and_post("/api/v1/format_query", self.format, text),
            *get_and_post("/api/v1/parse_query", self.parse, syntax),
            *get_and_post("/api/v1/query_exemplars", self.exemplars, none),
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
