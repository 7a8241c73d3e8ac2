"""The events of a project: as they arrive, and the schema of what has been seen."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from storage.api.events import EventSelection, StoredEvent
from storage.api.projects import Project, ProjectRole
from storage.api.reports.schema_notes import NoteKind, SchemaNote
from web.http.audit_trail import note
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, principal_of
from web.http.viewing.texts import marked
from web.live.shell import PageAddress
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.properties import shown_event
from web.projects.frame import ProjectFrame
from web.projects.schema_notes import SchemaNoteFields

VIEWS: Final = {"live": marked("Live"), "schema": marked("Schema")}
SHOWN_EVENTS: Final = 50
SCHEMA_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_EVER: Final = (-(2**53), 2**53)
_KEPT: Final = {"only": "name", "with_hidden": "hidden"}
"""Parameters of the schema that stay after a change, by the field of the form."""
_SCHEMA: Final = "/projects/{project_key}/schema"

EVENTS: Final = report_page("/events", "Events", "events_page")


class EventsPages:
    """Shows the newest events, and the names and properties of all."""

    def __init__(self, parts: ReportParts) -> None:
        self._parts, self._analytics = parts, parts.analytics
        arrivals = parts.analytics.arrivals
        parts.shell.add_region(
            "project-events",
            "product_pages/events_live.html",
            self._region,
            lambda address: arrivals.following(address.key),
        )

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._parts.shell.route(EVENTS, self.show),
            Route("POST", _SCHEMA, self.describe, Access.USER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the live view or the schema."""
        frame = await self._parts.frame(request)
        view = given(request.query, "view")
        name = given(request.query, "name")
        common = {
            **frame.values("/events"),
            "views": VIEWS,
            "view": view if view in VIEWS else "live",
            "name": name,
        }
        if common["view"] == "live":
            common |= await self._live(frame.project, name)
            common["names"] = await self._parts.names(frame)
        else:
            common |= await self._schema(request, frame, name)
        return await self._parts.shell.page(request, EVENTS, **common)

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        frame = await ProjectFrame.of_reader(self._parts.access, address.reader, address.key)
        found = await self._live(frame.project, given(address.query, "name"))
        return {**found, "frame": frame, "name": given(address.query, "name")}

    async def _live(self, project: Project, name: str) -> dict[str, Any]:
        waiting, _ = await self._analytics.events.future(project.id, 1)
        events = await self._newest(project, name)
        return {"events": [shown_event(each) for each in events], "future": waiting}

    async def _newest(self, project: Project, name: str) -> list[StoredEvent]:
        if name:
            selection = EventSelection(project.id, *_EVER, names=(name,))
            return list(await self._analytics.events.latest(selection, SHOWN_EVENTS))
        return list((await self._analytics.live.newest(project, limit=SHOWN_EVENTS)).events)

    async def describe(self, request: web.Request) -> web.Response:
        """Describe or hide one event name or property, and show the schema again."""
        frame = await ProjectFrame.of(self._parts.access, request, ProjectRole.EDITOR)
        fields = await read_form(request)
        change = SchemaNoteFields.model_validate(fields).change()
        schema = self._analytics.schema
        await schema.describe(frame.project, [change], principal_of(request).name)
        note(request, "schema.describe", frame.project.key, names=change.name)
        shown = {"view": "schema"} | {_KEPT[key]: fields[key] for key in _KEPT.keys() & fields}
        raise web.HTTPSeeOther(f"{frame.path}/events?{urlencode(shown)}")

    async def _schema(self, request: web.Request, frame: ProjectFrame, name: str) -> dict[str, Any]:
        start_ms = self._parts.clock() - SCHEMA_DAYS * _DAY_MS
        schema, project = self._analytics.schema, frame.project
        with_hidden = given(request.query, "hidden") == "true"
        notes = await schema.notes(project)
        return {
            "seen_names": await schema.names(project, with_hidden=with_hidden),
            "properties": await schema.properties(
                project, name or None, start_ms, with_hidden=with_hidden
            ),
            "schema_days": SCHEMA_DAYS,
            "with_hidden": with_hidden,
            "hidden": sum(each.is_hidden for each in notes),
            "described": _described(request.query, notes) if frame.edits else None,
        }


def _described(query: Mapping[str, str], notes: Iterable[SchemaNote]) -> SchemaNote | None:
    """Return the note that an address asks to edit, as it is now."""
    kind, name = given(query, "describe"), query.get("of", "")
    if kind not in list(NoteKind) or not name:
        return None
    found = (each for each in notes if (each.kind, each.name) == (kind, name))
    return next(found, SchemaNote(NoteKind(kind), name, "", is_hidden=False))
