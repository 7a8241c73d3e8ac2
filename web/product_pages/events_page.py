"""The events of a project: as they arrive, and the schema of what has been seen."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from storage.api.events import EventSelection, StoredEvent
from storage.api.projects import Project
from web.http.routing import Route
from web.live.shell import PageAddress
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.properties import shown_event
from web.projects.frame import ProjectFrame

VIEWS: Final = {"live": "Live", "schema": "Schema"}
SHOWN_EVENTS: Final = 50
SCHEMA_DAYS: Final = 30
_DAY_MS: Final = 86_400_000
_EVER: Final = (-(2**53), 2**53)

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
        """Return the route."""
        return (self._parts.shell.route(EVENTS, self.show),)

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
            common |= await self._schema(frame.project, name)
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

    async def _schema(self, project: Project, name: str) -> dict[str, Any]:
        start_ms = self._parts.clock() - SCHEMA_DAYS * _DAY_MS
        schema = self._analytics.schema
        return {
            "seen_names": await schema.names(project),
            "properties": await schema.properties(project, name or None, start_ms),
            "schema_days": SCHEMA_DAYS,
        }
