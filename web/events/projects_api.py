"""`/v1/projects`, `/db/health` and `/db/test-insert`."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from model.clock import Clock
from storage.api.new_events import NewEvent
from storage.api.projects import ProjectSettings
from web.events.documents import (
    DatabaseDocument,
    ProjectDocument,
    TestInsertDocument,
    project_document,
)
from web.events.forms import ProjectForm, ProjectQuery
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess
from web.projects.actions import ProjectActions

_TAG: Final = "events"
_TEST_PROJECT: Final = 0
"""No project has this number, so that a test event is in no report."""


class ProjectsApi:
    """Creates and lists projects, and checks the event store."""

    def __init__(self, analytics: Analytics, access: ProjectAccess, clock: Clock) -> None:
        self._analytics, self._access, self._clock = analytics, access, clock
        self._actions = ProjectActions(analytics)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        is_open = self._analytics.settings.open_api
        look = Access.PUBLIC if is_open else Access.VIEWER
        edit = Access.PUBLIC if is_open else Access.EDITOR
        create = Operation(_TAG, ProjectDocument, ProjectForm, errors=(400,))
        listing = Operation(_TAG, list[ProjectDocument], query=ProjectQuery)
        health = Operation(_TAG, DatabaseDocument, responses={503: DatabaseDocument})
        insert = Operation(_TAG, TestInsertDocument, errors=(503,))
        return json_routes(
            ("POST", "/v1/projects", self.create, edit, create),
            ("GET", "/v1/projects", self.listed, look, listing),
            ("GET", "/db/health", self.health, Access.PUBLIC, health),
            ("POST", "/db/test-insert", self.test_insert, edit, insert),
        )

    async def create(self, request: web.Request) -> web.Response:
        """Create a project; who creates it becomes its owner."""
        form = await read_json(request, ProjectForm)
        settings = ProjectSettings(form.name, form.timeZone, form.weekStart)
        project = await self._actions.create(request, settings)
        return json_response(project_document(project))

    async def listed(self, request: web.Request) -> web.Response:
        """List the projects that the sender may see."""
        query = read_query(request.query, ProjectQuery)
        return json_response(
            [
                project_document(project)
                for project in await self._access.visible(request)
                if query.projectKey in (None, project.key)
            ]
        )

    async def health(self, request: web.Request) -> web.Response:
        """Return whether the event store answers."""
        await self._analytics.events.check()
        return json_response(DatabaseDocument(status="ok", database="connected"))

    async def test_insert(self, request: web.Request) -> web.Response:
        """Write an event that belongs to no project, and delete it again."""
        now_ms = self._clock()
        event = NewEvent(f"test-{now_ms}", "test", now_ms, "test")
        result = await self._analytics.events.append(_TEST_PROJECT, [event], now_ms)
        await self._analytics.events.delete_project(_TEST_PROJECT)
        return json_response(TestInsertDocument(success=True, inserted=result.stored))
