"""The frame around every page of a project: name, tabs, other projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from storage.api.projects import Project, ProjectRole
from web.http.routing import Principal, principal_of
from web.http.viewing.texts import marked
from web.projects.access import ProjectAccess

TABS: Final = (
    ("", marked("Overview")),
    ("/events", marked("Events")),
    ("/trends", marked("Trends")),
    ("/funnel", marked("Funnel")),
    ("/retention", marked("Retention")),
    ("/paths", marked("Paths")),
    ("/sessions", marked("Visits")),
    ("/persons", marked("Persons")),
    ("/traffic", marked("API traffic")),
    ("/settings", marked("Settings")),
)
"""The pages of a project: paths that follow the project's, and titles."""


@dataclass(frozen=True, slots=True)
class ProjectFrame:
    """A project as its reader sees it.

    Attributes:
        project: the project.
        role: the reader's role in it.
        projects: the projects that the reader may switch to, by name.
    """

    project: Project
    role: ProjectRole
    projects: Sequence[Project]

    @classmethod
    async def of(
        cls,
        access: ProjectAccess,
        request: web.Request,
        role: ProjectRole = ProjectRole.VIEWER,
    ) -> "ProjectFrame":
        """Return the frame of the project in the path.

        Raises:
            MissingError: the sender sees no such project.
            ForbiddenError: the sender's role is lower than `role`.
        """
        return await cls.of_reader(
            access, principal_of(request), request.match_info["project_key"], role
        )

    @classmethod
    async def of_reader(
        cls,
        access: ProjectAccess,
        reader: Principal,
        key: str,
        role: ProjectRole = ProjectRole.VIEWER,
    ) -> "ProjectFrame":
        """Return the frame for a reader; raises as `of`."""
        project = await access.for_reader(reader, key, role)
        own = await access.role(reader, project)
        others = sorted(await access.visible_to(reader), key=lambda one: one.settings.name.lower())
        return cls(project, own or role, others)

    @property
    def path(self) -> str:
        """The path of the project's pages."""
        return project_path(self.project)

    @property
    def edits(self) -> bool:
        """Whether the reader may change the settings and save reports."""
        return self.role is not ProjectRole.VIEWER

    @property
    def owns(self) -> bool:
        """Whether the reader may manage members and keys."""
        return self.role is ProjectRole.OWNER

    def values(self, tab: str) -> dict[str, Any]:
        """Return the values of `projects/tabs.html` for the page at this path of `TABS`."""
        return {"frame": self, "project": self.project, "tabs": TABS, "tab": tab}


def project_path(project: Project) -> str:
    """Return the path of a project's pages; a key is hexadecimal."""
    return f"/projects/{project.key}"
