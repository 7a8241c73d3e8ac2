"""`/v1/projects/{project_key}`: the settings and the members of a project."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.projects import Member, ProjectRole
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.projects.access import ProjectAccess
from web.projects.actions import ProjectActions
from web.projects.documents import (
    MemberDocument,
    MembersDocument,
    ProjectSettingsDocument,
    member_document,
    project_settings_document,
)
from web.projects.forms import MemberRoleForm, NewMemberForm, ProjectChange

_TAG: Final = "events"
_PROJECT: Final = "/v1/projects/{project_key}"
_MEMBER: Final = f"{_PROJECT}/members/{{name:[^/]+}}"


class ProjectSettingsApi:
    """Members read, editors change the settings, owners manage members and delete."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._records, self._access = analytics.projects.records, access
        self._schema = analytics.schema
        self._actions = ProjectActions(analytics)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        missing, conflict = (403, 404), (403, 404, 409)
        one = Operation(_TAG, ProjectSettingsDocument, errors=missing)
        change = Operation(_TAG, ProjectSettingsDocument, ProjectChange, errors=(400, *missing))
        removed = Operation(_TAG, None, status=204, errors=missing)
        members = Operation(_TAG, MembersDocument, errors=missing)
        add = Operation(_TAG, MemberDocument, NewMemberForm, status=201, errors=(400, *conflict))
        role = Operation(_TAG, MemberDocument, MemberRoleForm, errors=(400, *conflict))
        leave = Operation(_TAG, None, status=204, errors=conflict)
        return json_routes(
            ("GET", _PROJECT, self.show, Access.VIEWER, one),
            ("PATCH", _PROJECT, self.change, Access.USER, change),
            ("DELETE", _PROJECT, self.remove, Access.USER, removed),
            ("GET", f"{_PROJECT}/members", self.members, Access.VIEWER, members),
            ("POST", f"{_PROJECT}/members", self.add_member, Access.USER, add),
            ("PUT", _MEMBER, self.set_role, Access.USER, role),
            ("DELETE", _MEMBER, self.remove_member, Access.USER, leave),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show a project, its settings, its descriptions and your role in it."""
        return await self._shown(request)

    async def change(self, request: web.Request) -> web.Response:
        """Change settings; those that the body leaves out stay."""
        form = await read_json(request, ProjectChange)
        project = await self._access.for_changing(request, request.match_info["project_key"])
        await self._actions.change(request, project, form)
        return await self._shown(request)

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a project with its members, keys, events and requests."""
        project = await self._access.owned(request)
        await self._actions.remove(request, project)
        return web.Response(status=204)

    async def members(self, request: web.Request) -> web.Response:
        """List the members."""
        key = request.match_info["project_key"]
        project = await self._access.for_changing(request, key, ProjectRole.VIEWER)
        found = await self._records.members(project.id)
        return json_response(MembersDocument(members=[member_document(one) for one in found]))

    async def add_member(self, request: web.Request) -> web.Response:
        """Give a user of the server a role in the project."""
        form = await read_json(request, NewMemberForm)
        project = await self._access.owned(request)
        await self._actions.set_member(request, project, form)
        return json_response(member_document(Member(form.user, form.role)), 201)

    async def set_role(self, request: web.Request) -> web.Response:
        """Give a member another role."""
        form = await read_json(request, MemberRoleForm)
        project = await self._access.owned(request)
        user = request.match_info["name"]
        await self._actions.change_role(request, project, user, form.role)
        return json_response(member_document(Member(user, form.role)))

    async def remove_member(self, request: web.Request) -> web.Response:
        """End a membership; every member may end their own."""
        user = request.match_info["name"]
        key = request.match_info["project_key"]
        own = principal_of(request).name == user
        role = ProjectRole.VIEWER if own else ProjectRole.OWNER
        project = await self._access.for_changing(request, key, role)
        await self._actions.remove_member(request, project, user)
        return web.Response(status=204)

    async def _shown(self, request: web.Request) -> web.Response:
        key = request.match_info["project_key"]
        project = await self._access.for_changing(request, key, ProjectRole.VIEWER)
        role = await self._access.role(principal_of(request), project)
        notes = await self._schema.notes(project)
        return json_response(project_settings_document(project, role or ProjectRole.VIEWER, notes))
