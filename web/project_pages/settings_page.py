"""The settings of a project: name, zone, retention, members, keys, deletion."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from analytics.errors import AnalyticsError
from analytics.service import Analytics
from storage.api.projects import ProjectRole
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.live.shell import Shell
from web.projects.access import ProjectAccess
from web.projects.actions import ProjectActions, UnknownZoneError
from web.projects.forms import ProjectChange
from web.projects.frame import ProjectFrame
from web.projects.zones import zone_names

PATH: Final = "/projects/{project_key}/settings"

SETTINGS: Final = Page(
    path=PATH,
    title="Settings",
    template="project_pages/settings_page.html",
    access=Access.USER,
    parent="/projects",
    notices={
        "changed": "The settings are saved.",
        "member-added": "The member is added.",
        "member-changed": "The member has the new role from the next request on.",
        "member-removed": "The member is removed.",
        "key-revoked": "The key is revoked: it is refused from now on.",
        "share-revoked": "The link is revoked: it shows nothing any more.",
        "report-removed": "The saved report is deleted.",
    },
)
_FIELDS: Final = {
    "name": "name",
    "time_zone": "timeZone",
    "week_start": "weekStart",
    "retention_days": "retentionDays",
    "is_active": "isActive",
    "session_idle_s": "sessionIdleSeconds",
    "events_per_second": "eventsPerSecond",
}
_LISTS: Final = {
    "origins": "origins",
    "excluded_addresses": "excludedAddresses",
    "excluded_agents": "excludedUserAgents",
}
"""Fields with one entry in each line."""
_OWN_FIELD: Final = {name: field for field, name in (_FIELDS | _LISTS).items()}


class SettingsView:
    """Renders the settings, with the messages of a refused form."""

    def __init__(self, analytics: Analytics, access: ProjectAccess, shell: Shell) -> None:
        self.analytics, self.access, self.shell = analytics, access, shell
        self.actions = ProjectActions(analytics)

    async def show(
        self,
        request: web.Request,
        frame: ProjectFrame,
        status: int = 200,
        problems: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
    ) -> web.Response:
        """Return the page."""
        project, settings = frame.project, frame.project.settings
        stored = {
            "name": settings.name,
            "time_zone": settings.time_zone,
            "week_start": str(settings.week_start),
            "retention_days": str(settings.retention_days),
            "session_idle_s": str(settings.session_idle_s),
            "events_per_second": str(settings.events_per_second),
            "origins": "\n".join(settings.collection.origins),
            "excluded_addresses": "\n".join(settings.collection.excluded_addresses),
            "excluded_agents": "\n".join(settings.collection.excluded_agents),
        }
        members = await self.analytics.projects.records.members(project.id)
        keys = await self.analytics.keyring.live(project) if frame.owns else ()
        return await self.shell.page(
            request,
            SETTINGS,
            status,
            **frame.values("/settings"),
            given={**stored, **(given or {})},
            problems=problems or {},
            zones=await zone_names() if frame.edits else (),
            members=members,
            member_roles=list(ProjectRole),
            keys=keys,
            shares=await self.analytics.shares.live(project) if frame.edits else (),
            server_limit=self.analytics.settings.events_per_second,
            saved_reports=await self.analytics.saved_reports.all(project) if frame.edits else (),
        )


class ProjectSettingsPages:
    """Shows and changes the settings, and deletes the project."""

    def __init__(self, view: SettingsView) -> None:
        self._view, self._access, self._actions = view, view.access, view.actions

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._view.shell.route(SETTINGS, self.show),
            Route("POST", PATH, self.change, Access.USER, Surface.PAGE),
            Route("POST", f"{PATH}/remove", self.remove, Access.USER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the settings."""
        return await self._view.show(request, await ProjectFrame.of(self._access, request))

    async def change(self, request: web.Request) -> web.Response:
        """Change the settings, or show the form with a message at each wrong field."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.EDITOR)
        fields = await read_form(request)
        given: dict[str, Any] = {
            name: fields[field] for field, name in _FIELDS.items() if field in fields
        }
        for field, name in _LISTS.items():
            if field in fields:
                lines = fields[field].splitlines()
                given[name] = [line.strip() for line in lines if line.strip()]
        try:
            await self._actions.change(request, frame.project, ProjectChange.model_validate(given))
        except ValidationError as exc:
            problems = {_own_field(name): text for name, text in field_errors(exc).items()}
            return await self._view.show(request, frame, 400, problems, fields)
        except UnknownZoneError as exc:
            problems = {"time_zone": exc.message}
            return await self._view.show(request, frame, 400, problems, fields)
        except AnalyticsError as exc:
            problems = {_own_field(exc.field): exc.reason}
            return await self._view.show(request, frame, 400, problems, fields)
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=changed")

    async def remove(self, request: web.Request) -> web.Response:
        """Delete the project if its name was typed."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.OWNER)
        typed = (await read_form(request)).get("confirmation", "")
        if typed.split() != frame.project.settings.name.split():
            problems = {"confirmation": "This is not the name of the project."}
            return await self._view.show(request, frame, 400, problems, {"confirmation": typed})
        await self._actions.remove(request, frame.project)
        raise web.HTTPSeeOther("/projects?notice=project-removed")


def _own_field(name: str) -> str:
    """Return the field of the form that a setting of the API has: `origins.0` is `origins`."""
    return _OWN_FIELD.get(name.partition(".")[0], name)
