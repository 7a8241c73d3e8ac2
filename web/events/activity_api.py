"""`POST /v1/reports/retention` and `/v1/reports/paths`."""

from typing import Final

from aiohttp import web

from analytics.product.retention import RetentionQuestion
from analytics.service import Analytics
from storage.api.events import EventSelection
from storage.api.projects import Project
from web.events.activity_documents import (
    PathDocument,
    RetentionDocument,
    RetentionPersonsDocument,
    path_document,
    retention_document,
)
from web.events.activity_forms import PathForm, RetentionForm, RetentionPersonsForm
from web.events.documents import range_document
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_ERRORS: Final = (400, 403)


class ActivityReportsApi:
    """Answers reports about persons over time."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._retention, self._paths = analytics.retention, analytics.paths
        self._questions, self._access = analytics.questions, access
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access = Access.PUBLIC if self._is_open else Access.VIEWER
        retention = Operation(_TAG, RetentionDocument, RetentionForm, errors=_ERRORS)
        persons = Operation(_TAG, RetentionPersonsDocument, RetentionPersonsForm, errors=_ERRORS)
        paths = Operation(_TAG, PathDocument, PathForm, errors=_ERRORS)
        return json_routes(
            ("POST", "/v1/reports/retention", self.retention, access, retention),
            ("POST", "/v1/reports/retention/persons", self.retention_persons, access, persons),
            ("POST", "/v1/reports/paths", self.paths, access, paths),
            for_read_keys=True,
        )

    async def retention(self, request: web.Request) -> web.Response:
        """Return how many of the persons who start in a period come back in later ones."""
        form = await read_json(request, RetentionForm)
        project, selection, question = await self._retention_asked(request, form)
        report = await self._retention.report(project, selection, question)
        return json_response(retention_document(range_document(project, selection), report))

    async def retention_persons(self, request: web.Request) -> web.Response:
        """List the persons behind one cell of the retention report."""
        form = await read_json(request, RetentionPersonsForm)
        project, selection, question = await self._retention_asked(request, form)
        found = await self._retention.persons(
            project, selection, question, form.cohortIndex, form.cellPeriod
        )
        return json_response({**range_document(project, selection), "users": list(found)})

    async def paths(self, request: web.Request) -> web.Response:
        """Return where persons go after an event, or come from before one."""
        form = await read_json(request, PathForm)
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._questions.selection(project, form)
        question = await self._questions.paths(project, form)
        report = await self._paths.report(selection, question)
        return json_response(path_document(range_document(project, selection), report))

    async def _retention_asked(
        self, request: web.Request, form: RetentionForm
    ) -> tuple[Project, EventSelection, RetentionQuestion]:
        project = await self._access.for_reading(request, form.projectKey)
        selection = await self._questions.selection(project, form)
        return project, selection, await self._questions.retention(project, form)
