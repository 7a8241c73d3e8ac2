"""`/v1/reports/`: the reports over a project's events."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from aiohttp import web

from analytics.product.definitions import ReportDefinition
from analytics.service import Analytics
from storage.api.events import EventSelection
from storage.api.projects import Project
from web.events.documents import (
    ConversionDocument,
    OverviewDocument,
    TimeSeriesDocument,
    TopEventsDocument,
    conversion_document,
    event_count_document,
    overview_document,
    point_document,
    range_document,
)
from web.events.forms import (
    ConversionForm,
    ConversionQuery,
    OverviewForm,
    OverviewQuery,
    ProjectBody,
    ReportQuery,
    TimeSeriesForm,
    TimeSeriesQuery,
    TopEventsForm,
    TopEventsQuery,
)
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import SAFE_METHODS, Access, Route, Surface
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_ERRORS: Final = (400, 403)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Query = TypeVar("Query", bound=ReportQuery)
Form = TypeVar("Form", bound=ProjectBody)


class EventReportsApi:
    """Answers apptracker's reports: with parameters, and with a JSON body of the same names."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._reports, self._questions, self._access = (
            analytics.reports,
            analytics.questions,
            access,
        )
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access = Access.PUBLIC if self._is_open else Access.VIEWER
        found: list[Route] = []
        rows: tuple[tuple[str, _Handler, Any, type[ReportQuery], type[ProjectBody]], ...] = (
            ("overview", self.overview, OverviewDocument, OverviewQuery, OverviewForm),
            ("top-events", self.top_events, TopEventsDocument, TopEventsQuery, TopEventsForm),
            (
                "events-timeseries",
                self.time_series,
                TimeSeriesDocument,
                TimeSeriesQuery,
                TimeSeriesForm,
            ),
            ("conversion", self.conversion, ConversionDocument, ConversionQuery, ConversionForm),
        )
        for name, handler, document, query, form in rows:
            path = f"/v1/reports/{name}"
            asked = Operation(_TAG, document, query=query, errors=_ERRORS)
            posted = Operation(_TAG, document, form, errors=_ERRORS)
            for method, operation in (("GET", asked), ("POST", posted)):
                found.append(
                    Route(
                        method,
                        path,
                        handler,
                        access,
                        Surface.JSON,
                        operation=operation,
                        for_read_keys=True,
                    )
                )
        return tuple(found)

    async def overview(self, request: web.Request) -> web.Response:
        """Count events, persons and event names."""
        form = await self._form(request, OverviewQuery, OverviewForm)
        project, selection = await self._asked(request, form.projectKey, form)
        totals = await self._reports.overview(selection)
        return json_response(overview_document(range_document(project, selection), totals))

    async def top_events(self, request: web.Request) -> web.Response:
        """List the most frequent events."""
        form = await self._form(request, TopEventsQuery, TopEventsForm)
        project, selection = await self._asked(request, form.projectKey, form)
        groups = await self._reports.top_events(selection, form.limit)
        events = [event_count_document(group) for group in groups]
        return json_response({**range_document(project, selection), "events": events})

    async def time_series(self, request: web.Request) -> web.Response:
        """Count events and persons by minute, hour, day, week or month."""
        form = await self._form(request, TimeSeriesQuery, TimeSeriesForm)
        project, selection = await self._asked(request, form.projectKey, form)
        if form.eventName is not None:
            selection = replace(selection, names=(form.eventName,))
        points = await self._reports.time_series(project, selection, form.interval, form.timeZone)
        return json_response(
            {
                **range_document(project, selection),
                "interval": form.interval,
                "timeZone": form.timeZone or project.settings.time_zone,
                "eventName": form.eventName,
                "series": [point_document(point) for point in points],
            }
        )

    async def conversion(self, request: web.Request) -> web.Response:
        """Return the share of the range's persons who had an event."""
        form = await self._form(request, ConversionQuery, ConversionForm)
        project, selection = await self._asked(request, form.projectKey, form)
        found = await self._reports.conversion(selection, form.eventName)
        common = range_document(project, selection)
        return json_response(conversion_document(common, form.eventName, found))

    async def _form(
        self, request: web.Request, query: type[Query], form: type[Form]
    ) -> Query | Form:
        """Return the question, from the parameters or from the body."""
        if request.method in SAFE_METHODS:
            return read_query(request.query, query)
        return await read_json(request, form)

    async def _asked(
        self, request: web.Request, key: str, definition: ReportDefinition
    ) -> tuple[Project, EventSelection]:
        """Return the project and the events that a request asks for."""
        project = await self._access.for_reading(request, key)
        return project, await self._questions.selection(project, definition)
