"""`/api/v1/projects/` and their API keys."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.project_keys import TRACK_ONLY
from storage.api.projects import ProjectRole, ProjectSettings
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json, read_query, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess
from web.projects.actions import ProjectActions, require_zone
from web.requests.documents import (
    ApiKeyDocument,
    NewApiKeyDocument,
    TenantProjectDocument,
    api_key_document,
    new_api_key_document,
    tenant_project_document,
)
from web.requests.forms import KeyQuery, NewKeyForm, NewProjectForm

_TAG: Final = "requests"


class TenantProjectsApi:
    """Every user may create projects and owns them."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access
        self._actions = ProjectActions(analytics)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        projects, keys = "/api/v1/projects/", "/api/v1/projects/{project_key}/api-keys/"
        errors = (403, 404)
        create = Operation(_TAG, TenantProjectDocument, NewProjectForm, status=201)
        listing = Operation(_TAG, list[TenantProjectDocument])
        one = Operation(_TAG, TenantProjectDocument, errors=errors)
        issue = Operation(_TAG, NewApiKeyDocument, NewKeyForm, status=201, errors=errors)
        live = Operation(_TAG, list[ApiKeyDocument], errors=errors)
        revoke = Operation(_TAG, None, query=KeyQuery, status=204, errors=errors)
        revoke_one = Operation(_TAG, None, status=204, errors=(400, *errors))
        user = Access.USER
        return json_routes(
            ("POST", projects, self.create, user, create),
            ("GET", projects, self.listed, user, listing),
            ("GET", "/api/v1/projects/{project_key}", self.project, user, one),
            ("POST", keys, self.issue, user, issue),
            ("GET", keys, self.keys, user, live),
            ("DELETE", keys, self.revoke, user, revoke),
            ("DELETE", keys + "{id}", self.revoke_one, user, revoke_one),
        )

    async def create(self, request: web.Request) -> web.Response:
        """Create a project; who creates it becomes its owner."""
        form = await read_json(request, NewProjectForm)
        await require_zone(form.time_zone, "time_zone")
        settings = ProjectSettings(form.name, form.time_zone, form.week_start)
        project = await self._actions.create(request, settings)
        return json_response(tenant_project_document(project), 201)

    async def listed(self, request: web.Request) -> web.Response:
        """List the projects that the sender may see."""
        projects = await self._access.visible(request)
        return json_response([tenant_project_document(project) for project in projects])

    async def project(self, request: web.Request) -> web.Response:
        """Show one project."""
        key = request.match_info["project_key"]
        project = await self._access.for_changing(request, key, ProjectRole.VIEWER)
        return json_response(tenant_project_document(project))

    async def issue(self, request: web.Request) -> web.Response:
        """Create an API key; its secret is returned only now."""
        form = await read_json(request, NewKeyForm)
        project = await self._access.owned(request)
        scopes = None if form.scopes is None else frozenset(form.scopes)
        if form.replaces is None:
            issued = await self._analytics.keyring.issue(project, form.name, scopes or TRACK_ONLY)
        else:
            issued = await self._analytics.keyring.rotate(
                project, form.replaces, form.name, form.overlap_s, scopes
            )
        granted = " ".join(sorted(issued.key.scopes))
        note(request, "project-key.create", project.key, key=issued.key.prefix, scopes=granted)
        return json_response(new_api_key_document(issued), 201)

    async def keys(self, request: web.Request) -> web.Response:
        """List the valid keys, without their secrets."""
        project = await self._access.owned(request)
        keys = await self._analytics.keyring.live(project)
        return json_response([api_key_document(key) for key in keys])

    async def revoke(self, request: web.Request) -> web.Response:
        """End the key `id` at once."""
        return await self._revoke(request, read_query(request.query, KeyQuery).id)

    async def revoke_one(self, request: web.Request) -> web.Response:
        """End a key at once."""
        return await self._revoke(request, record_id(request))

    async def _revoke(self, request: web.Request, key_id: int) -> web.Response:
        project = await self._access.owned(request)
        await self._analytics.keyring.revoke(project, key_id)
        note(request, "project-key.revoke", project.key, key=str(key_id))
        return web.Response(status=204)
