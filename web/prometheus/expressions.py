"""`/api/v1/format_query`, `/parse_query` and `/query_exemplars`."""

from aiohttp import web

from promql.api import EvaluationError, ExemplarSeries, ParseError
from promql.syntax.formatter import format_query
from promql.syntax.parser import parse
from promql.syntax.tree import tree
from web.http.errors import BadRequestError
from web.http.routing import Route
from web.prometheus.document_types import ExemplarData, SyntaxNode
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
from web.prometheus.sample_rows import format_value
from web.services import Services


class ExpressionApi:
    """Parses and formats queries, and lists exemplars."""

    def __init__(self, services: Services) -> None:
        self._engine = services.engine

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, each with GET and POST."""
        text = prometheus_operation(str, ExpressionParameters)
        syntax = prometheus_operation(SyntaxNode, ExpressionParameters)
        exemplars = prometheus_operation(list[ExemplarData], ExemplarParameters)
        return (
            *get_and_post("/api/v1/format_query", self.format, text),
            *get_and_post("/api/v1/parse_query", self.parse, syntax),
            *get_and_post("/api/v1/query_exemplars", self.exemplars, exemplars),
        )

    async def format(self, request: web.Request) -> web.Response:
        """Return a query in Prometheus's layout."""
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
        """Return the exemplars of the series that a query selects."""
        parameters = await read_parameters(request)
        start_ms = time_parameter(parameters, "start", EARLIEST_MS)
        end_ms = time_parameter(parameters, "end", LATEST_MS)
        if end_ms < start_ms:
            raise BadRequestError("end timestamp must not be before start timestamp", "end")
        found = await self._engine.exemplars(parameters.get("query", ""), start_ms, end_ms)
        return success_of([_exemplar_data(series) for series in found])


def _exemplar_data(series: ExemplarSeries) -> ExemplarData:
    return {
        "seriesLabels": dict(series.labels),
        "exemplars": [
            {
                "labels": dict(each.labels),
                "value": format_value(each.value),
                "timestamp": each.time_ms / 1000,
            }
            for each in series.exemplars
        ],
    }
