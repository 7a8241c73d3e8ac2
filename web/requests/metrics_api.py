"""`/api/v1/projects/{project_key}/metrics/`: the reports over tracked requests."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from analytics.service import Analytics
from model.clock import Clock
from storage.api.projects import Project
from storage.api.requests import RequestSelection
from web.http.audit_trail import note
from web.http.operations import Described, Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess
from web.projects.times import unix_ms
from web.requests.documents import (
    BreakdownDocument,
    CleanedDocument,
    ConsumerDocument,
    LatencyDocument,
    LogDocument,
    RouteDocument,
    SeriesDocument,
    SummaryDocument,
    breakdown_document,
    consumer_document,
    latency_document,
    logged_request_document,
    route_document,
    series_points,
    summary_document,
)
from web.requests.forms import (
    BreakdownQuery,
    CleanupForm,
    LatencyQuery,
    ListQuery,
    LogQuery,
    MetricsQuery,
    RoutesQuery,
    SeriesQuery,
    SummaryQuery,
    cursor_of,
    cursor_text,
)

_TAG: Final = "requests"
_DAY_MS: Final = 86_400_000


class RequestMetricsApi:
    """Answers reports to the members of a project."""

    def __init__(self, analytics: Analytics, access: ProjectAccess, clock: Clock) -> None:
        self._reports, self._access = analytics.request_reports, access
        self._requests, self._clock = analytics.requests, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        cleanup = Operation(_TAG, CleanedDocument, CleanupForm, errors=(403, 404))
        cleanup_path = "/api/v1/projects/{project_key}/metrics/cleanup"

        def get(
            name: str,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
            document: Described,
            query: type[BaseModel],
        ) -> Route:
            operation = Operation(_TAG, document, query=query, errors=(400, 404))
            path = f"/api/v1/projects/{{project_key}}/metrics/{name}"
            return Route(
                *("GET", path, handler, Access.USER, Surface.JSON),
                operation=operation,
                for_read_keys=True,
            )

        return (
            Route("POST", cleanup_path, self.cleanup, Access.USER, Surface.JSON, operation=cleanup),
            get("summary", self.summary, SummaryDocument, SummaryQuery),
            get("time-series", self.time_series, SeriesDocument, SeriesQuery),
            get("latency", self.latency, LatencyDocument, LatencyQuery),
            get("breakdown", self.breakdown, list[BreakdownDocument], BreakdownQuery),
            get("routes", self.route_figures, list[RouteDocument], RoutesQuery),
            get("consumers", self.consumers, list[ConsumerDocument], ListQuery),
            get("requests", self.log, LogDocument, LogQuery),
        )

    async def cleanup(self, request: web.Request) -> web.Response:
        """Delete the requests that are older than `retention_days`."""
        form = await read_json(request, CleanupForm)
        project = await self._access.owned(request)
        before_ms = self._clock() - form.retention_days * _DAY_MS
        deleted = await self._requests.delete_requests_before(project.id, before_ms)
        note(request, "requests.cleanup", project.key, days=str(form.retention_days))
        return json_response(CleanedDocument(deleted=deleted))

    async def summary(self, request: web.Request) -> web.Response:
        """Return counts, error rate, response times, Apdex and throughput."""
        query = read_query(request.query, SummaryQuery)
        _, selection = await self._asked(request, query)
        found, before = await self._reports.summary(selection, query.apdex_ms), None
        if query.compare:
            earlier = self._reports.before(selection)
            before = await self._reports.summary(earlier, query.apdex_ms)
        return json_response(summary_document(found, before))

    async def time_series(self, request: web.Request) -> web.Response:
        """Return the figures by minute, hour, day, week or month."""
        query = read_query(request.query, SeriesQuery)
        project, selection = await self._asked(request, query)
        parts, series = await self._reports.time_series(
            project, selection, query.interval, query.time_zone
        )
        document = SeriesDocument(
            interval=query.interval,
            time_zone=query.time_zone or project.settings.time_zone,
            data=series_points(parts, series, self._clock()),
        )
        return json_response(document)

    async def latency(self, request: web.Request) -> web.Response:
        """Return a histogram of the response times, and the same by time: a heat map."""
        query = read_query(request.query, LatencyQuery)
        project, selection = await self._asked(request, query)
        parts, counts = await self._reports.latency(
            project, selection, query.interval, query.time_zone
        )
        zone = query.time_zone or project.settings.time_zone
        per_doubling = int(query.bins_per_doubling)
        return json_response(latency_document(parts, counts, query.interval, zone, per_doubling))

    async def breakdown(self, request: web.Request) -> web.Response:
        """Compare statuses, methods or versions."""
        query = read_query(request.query, BreakdownQuery)
        _, selection = await self._asked(request, query)
        found = await self._reports.by_property(selection, query.by, query.limit)
        return json_response([breakdown_document(one) for one in found])

    async def route_figures(self, request: web.Request) -> web.Response:
        """List the routes with most requests, most errors, or the slowest ones."""
        query = read_query(request.query, RoutesQuery)
        _, selection = await self._asked(request, query)
        routes = await self._reports.routes(selection, query.order, query.limit)
        return json_response([route_document(route) for route in routes])

    async def consumers(self, request: web.Request) -> web.Response:
        """List the consumers with most requests."""
        query = read_query(request.query, ListQuery)
        _, selection = await self._asked(request, query)
        found = await self._reports.consumers(selection, query.limit)
        return json_response([consumer_document(one) for one in found])

    async def log(self, request: web.Request) -> web.Response:
        """List requests, the newest first."""
        query = read_query(request.query, LogQuery)
        _, selection = await self._asked(request, query)
        page = await self._reports.log(selection, query.limit, cursor_of(query.before))
        cursor = cursor_text(page[-1]) if len(page) == query.limit else None
        requests = [logged_request_document(one) for one in page]
        return json_response(LogDocument(requests=requests, cursor=cursor))

    async def _asked(
        self, request: web.Request, query: MetricsQuery
    ) -> tuple[Project, RequestSelection]:
        """Return the project and the requests that a request asks for."""
        project = await self._access.for_reading(request, request.match_info["project_key"])
        start_ms, end_ms = self._reports.range_ms(unix_ms(query.from_), unix_ms(query.to))

        return project, query.selection(project.id, start_ms, end_ms)
