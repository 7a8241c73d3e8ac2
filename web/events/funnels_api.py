"""`/v1/reports/trends`, `/v1/reports/funnel` and the persons behind a funnel's numbers."""

from typing import Final

from aiohttp import web

from analytics.product.funnels import PersonsAt
from analytics.service import Analytics
from web.events.documents import range_document
from web.events.forms import FunnelForm, FunnelPersonsForm, TrendsForm
from web.events.report_documents import (
    FunnelDocument,
    FunnelPersonsDocument,
    TrendsDocument,
    funnel_document,
    funnel_persons_document,
    trends_document,
)
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_ERRORS: Final = (400, 403)


class FunnelsApi:
    """Answers trends and funnels."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._trends, self._funnels = analytics.trends, analytics.funnels
        self._questions, self._access = analytics.questions, access
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access = Access.PUBLIC if self._is_open else Access.VIEWER
        trends = Operation(_TAG, TrendsDocument, TrendsForm, errors=_ERRORS)
        funnel = Operation(_TAG, FunnelDocument, FunnelForm, errors=_ERRORS)
        persons = Operation(_TAG, FunnelPersonsDocument, FunnelPersonsForm, errors=_ERRORS)
        return json_routes(
            ("POST", "/v1/reports/trends", self.trends, access, trends),
            ("POST", "/v1/reports/funnel", self.funnel, access, funnel),
            ("POST", "/v1/reports/funnel/persons", self.persons, access, persons),
            for_read_keys=True,
        )

    async def trends(self, request: web.Request) -> web.Response:
        """Measure events in time: several at once, by the values of a property, or compared."""
        form = await read_json(request, TrendsForm)
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._questions.selection(project, form)
        question = await self._questions.trends(project, form)
        report = await self._trends.report(project, selection, question)
        common = range_document(project, selection)
        zone = form.timeZone or project.settings.time_zone
        return json_response(trends_document(common, form.interval, zone, form.breakdown, report))

    async def funnel(self, request: web.Request) -> web.Response:
        """Return how far persons get through steps in order, directly or in any order."""
        form = await read_json(request, FunnelForm)
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._questions.selection(project, form)
        question = await self._questions.funnel(project, form)
        report = await self._funnels.report(selection, question)
        common = range_document(project, selection)
        return json_response(
            funnel_document(common, form.windowSeconds, form.order, form.breakdown, report)
        )

    async def persons(self, request: web.Request) -> web.Response:
        """List the persons behind a number of a funnel: exactly as many as the number."""
        form = await read_json(request, FunnelPersonsForm)
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._questions.selection(project, form)
        question = await self._questions.funnel(project, form)
        asked = PersonsAt(
            form.step, form.outcome, form.value, by_value="value" in form.model_fields_set
        )
        found = await self._funnels.persons(selection, question, asked, form.limit, form.after)
        return json_response(funnel_persons_document(found))
