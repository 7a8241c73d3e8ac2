"""The project that a request names, and whether its sender may use it."""

from typing import Final

from aiohttp import web

from analytics.projects import Projects
from storage.api.accounts import Role
from storage.api.project_keys import KeyScope
from storage.api.projects import Project, ProjectRole
from web.http.errors import BadRequestError, ForbiddenError, MissingError, WebError
from web.http.routing import Principal, principal_of

_RANK: Final = {ProjectRole.VIEWER: 0, ProjectRole.EDITOR: 1, ProjectRole.OWNER: 2}


class ProjectAccess:
    """Finds projects for requests.

    An unknown project, an inactive one and another tenant's get the same answer, so that
    nobody learns which keys exist.
    """

    def __init__(
        self, projects: Projects, *, is_open: bool = False, answers_missing: bool = False
    ) -> None:
        """Set up.

        Args:
            projects: the projects.
            is_open: whether anybody may read and write every project.
            answers_missing: whether the answer is 404; apptracker's is 403.
        """
        self._projects, self._is_open = projects, is_open
        self._refusal = MissingError if answers_missing else ForbiddenError

    async def for_sending(self, key: str) -> Project:
        """Return the project to which events with this key belong.

        Raises:
            BadRequestError: the key is missing.
            ForbiddenError, MissingError: no active project has it.
        """
        if not key:
            raise BadRequestError("projectKey is missing", "projectKey")
        project = await self._projects.find(key)
        if project is None or not project.settings.is_active:
            raise self._refused(key)
        return project

    async def for_reading(self, request: web.Request, key: str) -> Project:
        """Return an active project of which the sender is a member.

        Raises:
            BadRequestError: the key is missing.
            ForbiddenError, MissingError: there is no such project.
        """
        project = await self.for_sending(key)
        await self._require(principal_of(request), project, ProjectRole.VIEWER)
        return project

    async def for_changing(
        self, request: web.Request, key: str, role: ProjectRole = ProjectRole.EDITOR
    ) -> Project:
        """Return a project, active or not, in which the sender has at least this role.

        Raises:
            ForbiddenError, MissingError: there is no such project.
        """
        return await self.for_reader(principal_of(request), key, role)

    async def for_reader(
        self, reader: Principal, key: str, role: ProjectRole = ProjectRole.VIEWER
    ) -> Project:
        """Return a project, active or not, in which a reader has at least this role.

        Raises:
            ForbiddenError, MissingError: there is no such project.
        """
        project = await self._projects.find(key)
        if project is None:
            raise self._refused(key)
        await self._require(reader, project, role)
        return project

    async def owned(self, request: web.Request) -> Project:
        """Return the project in the path, of which the sender is an owner.

        Raises:
            MissingError: there is no such project.
            ForbiddenError: the sender is no owner.
        """
        key = request.match_info["project_key"]
        return await self.for_changing(request, key, ProjectRole.OWNER)

    async def visible(self, request: web.Request) -> list[Project]:
        """Return the projects that the sender may see, oldest first."""
        return await self.visible_to(principal_of(request))

    async def visible_to(self, reader: Principal) -> list[Project]:
        """Return the projects that a reader may see, oldest first."""
        user = reader.user
        if reader.key is not None:
            return []
        if self._is_open or (user is not None and user.role is Role.ADMIN):
            return list(await self._projects.records.all())
        if user is None:
            return []
        return [project for project, _ in await self._projects.records.of_user(user.id)]

    async def role(self, reader: Principal, project: Project) -> ProjectRole | None:
        """Return a reader's role in a project, None without one; admins own every project."""
        user = reader.user
        if reader.key is not None:
            reads = reader.key.project_id == project.id and KeyScope.READ in reader.key.scopes
            return ProjectRole.VIEWER if reads else None
        if self._is_open or (user is not None and user.role is Role.ADMIN):
            return ProjectRole.OWNER
        return None if user is None else await self._projects.records.role(project.id, user.id)

    async def _require(self, reader: Principal, project: Project, role: ProjectRole) -> None:
        own = await self.role(reader, project)
        if own is None:
            raise self._refused(project.key)
        if _RANK[own] < _RANK[role]:
            raise ForbiddenError(f"this needs the role {role} in the project")

    def _refused(self, key: str) -> WebError:
        return self._refusal(f"Project with key '{key[:64]}' not found", "projectKey")
