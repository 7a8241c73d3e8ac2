"""The page of all projects: how much each receives, and the form for a new one."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import ConfigDict, ValidationError

from analytics.service import Analytics
from model.base_models import DeferredModel
from model.clock import Clock
from storage.api.projects import ProjectSettings
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, principal_of
from web.http.validation import field_errors
from web.live.shell import Shell
from web.projects.access import ProjectAccess
from web.projects.actions import ProjectActions, UnknownZoneError
from web.projects.forms import ProjectName, WeekStart, ZoneName
from web.projects.frame import project_path
from web.projects.zones import zone_names

VOLUME_DAYS: Final = 30
_DAY_MS: Final = 86_400_000

PROJECTS: Final = Page(
    path="/projects",
    title="Projects",
    template="project_pages/list_page.html",
    access=Access.USER,
    position=25,
    notices={"project-removed": "The project is deleted, with all its events."},
)


class NewProjectFields(DeferredModel):
    """The fields of the form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: ProjectName
    time_zone: ZoneName = "UTC"
    week_start: WeekStart = 1


class ProjectListPages:
    """Lists and creates projects."""

    def __init__(
        self, analytics: Analytics, access: ProjectAccess, shell: Shell, clock: Clock
    ) -> None:
        self._analytics, self._access = analytics, access
        self._shell, self._clock = shell, clock
        self._actions = ProjectActions(analytics)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(PROJECTS, self.show),
            Route("POST", "/projects", self.create, Access.USER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the projects of which the sender is a member; an admin sees all."""
        return await self._list(request)

    async def _list(
        self,
        request: web.Request,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
    ) -> web.Response:
        reader = principal_of(request)
        projects = await self._access.visible_to(reader)
        start_ms = self._clock() - VOLUME_DAYS * _DAY_MS
        # Without a project the file of the events stays closed.
        volumes = await self._analytics.events.volumes(start_ms) if projects else {}
        return await self._shell.page(
            request,
            PROJECTS,
            status,
            projects=sorted(projects, key=lambda one: one.settings.name.lower()),
            roles={one.id: await self._access.role(reader, one) for one in projects},
            volumes=volumes,
            days=VOLUME_DAYS,
            zones=await zone_names(),
            problems=problems or {},
            given={"time_zone": "UTC", "week_start": "1", **(given or {})},
        )

    async def create(self, request: web.Request) -> web.Response:
        """Create a project and open it, or show the form with a message at each wrong field."""
        fields = await read_form(request)
        try:
            form = NewProjectFields.model_validate(fields)
        except ValidationError as exc:
            return await self._list(request, 400, field_errors(exc), fields)
        settings = ProjectSettings(form.name, form.time_zone, form.week_start)
        try:
            project = await self._actions.create(request, settings)
        except UnknownZoneError as exc:
            return await self._list(request, 400, {"time_zone": exc.message}, fields)
        raise web.HTTPSeeOther(project_path(project))
