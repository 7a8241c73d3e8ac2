"""The forms that add, change and remove members of a project."""

from typing import Final

from aiohttp import web
from pydantic import ValidationError

from storage.api.errors import LastOwnerError, NotFoundError
from storage.api.projects import ProjectRole
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, principal_of
from web.http.validation import field_errors
from web.project_pages.settings_page import PATH, SettingsView
from web.projects.forms import MemberRoleForm, NewMemberForm
from web.projects.frame import ProjectFrame

_MEMBER: Final = f"{PATH}/members/{{name:[^/]+}}"
_LAST: Final = "This is the last owner of the project; make another member owner first."


class ProjectMemberPages:
    """Changes members, for owners."""

    def __init__(self, view: SettingsView) -> None:
        self._view, self._access, self._actions = view, view.access, view.actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route("POST", path, handler, Access.USER, Surface.PAGE)
            for path, handler in (
                (f"{PATH}/members", self.add),
                (f"{_MEMBER}/role", self.set_role),
                (f"{_MEMBER}/remove", self.remove),
            )
        )

    async def add(self, request: web.Request) -> web.Response:
        """Give a user a role in the project."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.OWNER)
        fields = await read_form(request)
        try:
            form = NewMemberForm.model_validate(fields)
            await self._actions.set_member(request, frame.project, form)
        except ValidationError as exc:
            return await self._view.show(request, frame, 400, field_errors(exc), fields)
        except NotFoundError:
            problems = {"user": "No user of this server has this name."}
            return await self._view.show(request, frame, 400, problems, fields)
        except LastOwnerError:
            return await self._view.show(request, frame, 409, {"user": _LAST}, fields)
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=member-added#members")

    async def set_role(self, request: web.Request) -> web.Response:
        """Give a member another role."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.OWNER)
        name = request.match_info["name"]
        try:
            form = MemberRoleForm.model_validate(await read_form(request))
            await self._actions.change_role(request, frame.project, name, form.role)
        except ValidationError as exc:
            return await self._view.show(request, frame, 400, {"member": str(field_errors(exc))})
        except LastOwnerError:
            return await self._view.show(request, frame, 409, {"member": _LAST})
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=member-changed#members")

    async def remove(self, request: web.Request) -> web.Response:
        """End a membership; every member may end their own."""
        name = request.match_info["name"]
        own = principal_of(request).name == name
        role = ProjectRole.VIEWER if own else ProjectRole.OWNER
        frame = await ProjectFrame.of(self._access, request, role)
        try:
            await self._actions.remove_member(request, frame.project, name)
        except LastOwnerError:
            return await self._view.show(request, frame, 409, {"member": _LAST})
        if own and await self._access.role(principal_of(request), frame.project) is None:
            raise web.HTTPSeeOther("/projects")
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=member-removed#members")
