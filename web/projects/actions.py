"""Changes of projects and their members, for the API and the pages; each is recorded."""

import asyncio

from aiohttp import web

from analytics.errors import ReportError
from analytics.service import Analytics
from analytics.statistics.calendar import zone_of
from storage.api.projects import Project, ProjectRole, ProjectSettings
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.routing import principal_of
from web.projects.forms import NewMemberForm, ProjectChange


class UnknownZoneError(BadRequestError):
    """There is no such time zone; `message` does not name the field."""


async def require_zone(name: str, field: str) -> None:
    """Return if there is a time zone of this name.

    Raises:
        UnknownZoneError: there is none.
    """
    try:
        await asyncio.to_thread(zone_of, name)
    except ReportError as exc:
        raise UnknownZoneError(exc.reason, field) from exc


class ProjectActions:
    """Changes projects; its callers check who may."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics
        self._projects, self._records = analytics.projects, analytics.projects.records

    async def create(self, request: web.Request, settings: ProjectSettings) -> Project:
        """Create a project; the sender becomes its owner.

        Raises:
            UnknownZoneError: there is no such time zone.
        """
        await require_zone(settings.time_zone, "timeZone")
        user = principal_of(request).user
        # The control socket's administrator is no user of the records.
        owner = user.id if user is not None and user.id else None
        project = await self._projects.create(settings, owner)
        note(request, "project.create", project.key, name=settings.name)
        return project

    async def change(self, request: web.Request, project: Project, form: ProjectChange) -> Project:
        """Change the settings that a form gives.

        Raises:
            UnknownZoneError: there is no such time zone.
        """
        if form.timeZone is not None:
            await require_zone(form.timeZone, "timeZone")
        changed = await self._projects.change(project, form.applied_to(project.settings))
        self._analytics.keyring.forget()
        given = form.model_dump(exclude_none=True)
        note(request, "project.change", project.key, **{key: str(given[key]) for key in given})
        return changed

    async def remove(self, request: web.Request, project: Project) -> None:
        """Delete a project with its keys and members, and then its events and requests."""
        await self._projects.remove(project)
        self._analytics.keyring.forget()
        await self._analytics.events.delete_project(project.id)
        note(request, "project.remove", project.key, name=project.settings.name)

    async def set_member(self, request: web.Request, project: Project, form: NewMemberForm) -> None:
        """Give a user a role.

        Raises:
            NotFoundError: no user has this name.
            LastOwnerError: the project would have no owner.
        """
        await self._records.set_member(project.id, form.user, form.role)
        note(request, "project-member.set", project.key, user=form.user, role=form.role)

    async def change_role(
        self, request: web.Request, project: Project, user: str, role: ProjectRole
    ) -> None:
        """Give a member another role.

        Raises:
            MissingError: no member has this name.
            LastOwnerError: the project would have no owner.
        """
        await self._require_member(project, user)
        await self.set_member(request, project, NewMemberForm(user=user, role=role))

    async def remove_member(self, request: web.Request, project: Project, user: str) -> None:
        """End a membership.

        Raises:
            MissingError: no member has this name.
            LastOwnerError: the project would have no owner.
        """
        await self._require_member(project, user)
        await self._records.remove_member(project.id, user)
        note(request, "project-member.remove", project.key, user=user)

    async def _require_member(self, project: Project, user: str) -> None:
        if all(member.user != user for member in await self._records.members(project.id)):
            raise MissingError("the project has no such member")
