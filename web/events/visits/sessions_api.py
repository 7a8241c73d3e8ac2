"""`/v1/reports/sessions`: visits, with bounces, durations, entry and exit pages."""

from typing import Final

from aiohttp import web

from analytics.product.sessions import SessionsQuestion
from analytics.service import Analytics
from web.events.documents import range_document
from web.events.forms import SessionsForm, SessionsQuery
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
        asked = Operation(_TAG, SessionsDocument, query=SessionsQuery, errors=(400, 403))
        posted = Operation(_TAG, SessionsDocument, SessionsForm, errors=(400, 403))
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
        """Count visits by time: bounces, durations, the `limit` most frequent pages and sources."""
        return await self._answer(request, read_query(request.query, SessionsQuery))

    async def posted(self, request: web.Request) -> web.Response:
        """Count visits; the body has the parameters."""
        return await self._answer(request, await read_json(request, SessionsForm))

    async def _answer(
        self, request: web.Request, form: SessionsQuery | SessionsForm
    ) -> web.Response:
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._analytics.questions.selection(project, form)
        question = SessionsQuestion(form.limit, form.interval, form.timeZone, form.compare)
        report = await self._analytics.sessions.report(project, selection, question)
        return json_response(sessions_document(range_document(project, selection), report))
