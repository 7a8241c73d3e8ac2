"""`/v1/projects/{project_key}/reports`: saved reports."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.errors import NotFoundError
from storage.api.projects import Project, ProjectRole
from storage.api.reports.saved_reports import SavedReport
from web.events.forms import NewSavedReportForm, SavedReportForm
from web.events.saved_documents import SavedReportDocument, saved_report_document
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_PATH: Final = "/v1/projects/{project_key}/reports"


class SavedReportsApi:
    """Members see the saved reports of a project; editors of the project change them."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._reports, self._access = analytics.saved_reports, access
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        look = Access.PUBLIC if self._is_open else Access.VIEWER
        edit = Access.PUBLIC if self._is_open else Access.USER
        listing = Operation(_TAG, list[SavedReportDocument], errors=(403, 404))
        create = Operation(
            _TAG, SavedReportDocument, NewSavedReportForm, status=201, errors=(403, 404)
        )
        one = Operation(_TAG, SavedReportDocument, errors=(400, 403, 404))
        change = Operation(_TAG, SavedReportDocument, SavedReportForm, errors=(403, 404))
        remove = Operation(_TAG, None, status=204, errors=(400, 403, 404))
        return json_routes(
            ("GET", _PATH, self.listed, look, listing),
            ("POST", _PATH, self.create, edit, create),
            ("GET", _PATH + "/{id}", self.one, look, one),
            ("PUT", _PATH + "/{id}", self.change, edit, change),
            ("DELETE", _PATH + "/{id}", self.remove, edit, remove),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the saved reports of a project, by name."""
        project = await self._project(request, ProjectRole.VIEWER)
        reports = await self._reports.all(project)
        return json_response([saved_report_document(report) for report in reports])

    async def create(self, request: web.Request) -> web.Response:
        """Save a report: its kind, a name, and the body with which it is asked."""
        project = await self._project(request)
        form = await read_json(request, NewSavedReportForm)
        author = principal_of(request).name
        report = await self._reports.save(project, form.name, form.kind, form.definition, author)
        note(request, "report.create", project.key, name=form.name)
        return json_response(saved_report_document(report), 201)

    async def one(self, request: web.Request) -> web.Response:
        """Show a saved report."""
        project = await self._project(request, ProjectRole.VIEWER)
        return json_response(saved_report_document(await self._report(project, request)))

    async def change(self, request: web.Request) -> web.Response:
        """Replace name and definition of a saved report; its kind stays."""
        project = await self._project(request)
        report = await self._report(project, request)
        form = await read_json(request, SavedReportForm)
        author = principal_of(request).name
        changed = await self._reports.change(project, report, form.name, form.definition, author)
        note(request, "report.change", project.key, name=form.name)
        return json_response(saved_report_document(changed))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a saved report."""
        project = await self._project(request)
        number = record_id(request)
        await self._reports.remove(project, number)
        note(request, "report.remove", project.key, id=str(number))
        return web.Response(status=204)

    async def _project(
        self, request: web.Request, role: ProjectRole = ProjectRole.EDITOR
    ) -> Project:
        return await self._access.for_changing(request, request.match_info["project_key"], role)

    async def _report(self, project: Project, request: web.Request) -> SavedReport:
        number = record_id(request)
        report = await self._reports.find(project, number)
        if report is None:
            raise NotFoundError("saved report", number)
        return report
