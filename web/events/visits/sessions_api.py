"""`/v1/reports/sessions`: visits, with bounces, durations, entry and exit pages."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from web.events.documents import range_document
from web.events.forms import TopEventsForm, TopEventsQuery
from web.events.visits.documents import SessionsDocument, sessions_document
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_PATH: Final = "/v1/reports/sessions"


class SessionsApi:
    """Answers the report with parameters, and with a JSON body of the same names."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access = Access.PUBLIC if self._analytics.settings.open_api else Access.VIEWER
        asked = Operation(_TAG, SessionsDocument, query=TopEventsQuery, errors=(400, 403))
        posted = Operation(_TAG, SessionsDocument, TopEventsForm, errors=(400, 403))
        return (
            Route(
                *("GET", _PATH, self.asked, access, Surface.JSON),
                operation=asked,
                for_read_keys=True,
            ),
            Route(
                *("POST", _PATH, self.posted, access, Surface.JSON),
                operation=posted,
                for_read_keys=True,
            ),
        )

    async def asked(self, request: web.Request) -> web.Response:
        """Count visits: bounces, durations, and the `limit` most frequent pages and sources."""
        return await self._answer(request, read_query(request.query, TopEventsQuery))

    async def posted(self, request: web.Request) -> web.Response:
        """Count visits; the body has the parameters."""
        return await self._answer(request, await read_json(request, TopEventsForm))

    async def _answer(
        self, request: web.Request, form: TopEventsQuery | TopEventsForm
    ) -> web.Response:
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._analytics.questions.selection(project, form)
        report = await self._analytics.sessions.report(project, selection, form.limit)
        return json_response(sessions_document(range_document(project, selection), report))
