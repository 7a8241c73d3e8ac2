"""`/v1/reports/`: the reports over a project's events."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.events import EventSelection
from storage.api.projects import Project
from web.events.documents import (
    ConversionDocument,
    FunnelDocument,
    OverviewDocument,
    TimeSeriesDocument,
    TopEventsDocument,
    conversion_document,
    event_count_document,
    overview_document,
    point_document,
    range_document,
    rate_document,
    step_document,
)
from web.events.forms import (
    ConversionQuery,
    FunnelForm,
    ReportQuery,
    TimeSeriesQuery,
    TopEventsQuery,
)
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess
from web.projects.times import unix_ms

_TAG: Final = "events"
_ERRORS: Final = (400, 403)


class EventReportsApi:
    """Answers reports."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._reports, self._access = analytics.reports, access
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access = Access.PUBLIC if self._is_open else Access.VIEWER

        def get(
            name: str,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
            document: type,
            query: type[ReportQuery],
        ) -> Route:
            operation = Operation(_TAG, document, query=query, errors=_ERRORS)
            path = f"/v1/reports/{name}"
            return Route("GET", path, handler, access, Surface.JSON, operation=operation)

        funnel = Operation(_TAG, FunnelDocument, FunnelForm, errors=_ERRORS)
        return (
            get("overview", self.overview, OverviewDocument, ReportQuery),
            get("top-events", self.top_events, TopEventsDocument, TopEventsQuery),
            get("events-timeseries", self.time_series, TimeSeriesDocument, TimeSeriesQuery),
            get("conversion", self.conversion, ConversionDocument, ConversionQuery),
            Route(
                "POST",
                "/v1/reports/funnel",
                self.funnel,
                access,
                Surface.JSON,
                operation=funnel,
            ),
        )

    async def overview(self, request: web.Request) -> web.Response:
        """Count events, persons and event names."""
        project, selection = await self._asked(request, read_query(request.query, ReportQuery))
        totals = await self._reports.overview(selection)
        return json_response(overview_document(range_document(project, selection), totals))

    async def top_events(self, request: web.Request) -> web.Response:
        """List the most frequent events."""
        query = read_query(request.query, TopEventsQuery)
        project, selection = await self._asked(request, query)
        groups = await self._reports.top_events(selection, query.limit)
        events = [event_count_document(group) for group in groups]
        return json_response({**range_document(project, selection), "events": events})

    async def time_series(self, request: web.Request) -> web.Response:
        """Count events and persons by minute, hour, day, week or month."""
        query = read_query(request.query, TimeSeriesQuery)
        project, selection = await self._asked(request, query)
        if query.eventName is not None:
            selection = replace(selection, names=(query.eventName,))
        points = await self._reports.time_series(project, selection, query.interval, query.timeZone)
        return json_response(
            {
                **range_document(project, selection),
                "interval": query.interval,
                "timeZone": query.timeZone or project.settings.time_zone,
                "eventName": query.eventName,
                "series": [point_document(point) for point in points],
            }
        )

    async def conversion(self, request: web.Request) -> web.Response:
        """Return the share of the range's persons who had an event."""
        query = read_query(request.query, ConversionQuery)
        project, selection = await self._asked(request, query)
        found = await self._reports.conversion(selection, query.eventName)
        common = range_document(project, selection)
        return json_response(conversion_document(common, query.eventName, found))

    async def funnel(self, request: web.Request) -> web.Response:
        """Return how far persons get through steps in this order."""
        form = await read_json(request, FunnelForm)
        project = await self._access.for_reading(request, form.projectKey)
        selection = self._reports.selection(project, unix_ms(form.from_), unix_ms(form.to))
        steps = await self._reports.funnel(selection, form.steps, form.windowSeconds * 1000)
        return json_response(
            {
                **range_document(project, selection),
                "windowSeconds": form.windowSeconds,
                "totalUsers": steps[0].persons,
                "convertedUsers": steps[-1].persons,
                "conversionRate": rate_document(steps[-1].of_first),
                "steps": [step_document(number, step) for number, step in enumerate(steps, 1)],
            }
        )

    async def _asked(
        self, request: web.Request, query: ReportQuery
    ) -> tuple[Project, EventSelection]:
        """Return the project and the events that a request asks for."""
        project = await self._access.for_reading(request, query.projectKey)
        return project, self._reports.selection(project, unix_ms(query.from_), unix_ms(query.to))
