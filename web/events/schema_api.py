"""`/v1/projects/{project_key}/schema` and `/live`: what a project receives."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from web.events.activity_documents import (
    LiveDocument,
    SchemaDocument,
    live_document,
    property_document,
    seen_name_document,
)
from web.events.activity_forms import LiveQuery, SchemaQuery
from web.http.operations import Operation
from web.http.parameters import read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess
from web.projects.times import unix_ms

_TAG: Final = "events"
_PROJECT: Final = "/v1/projects/{project_key}"


class SchemaApi:
    """Shows event names, properties and the newest events."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        schema = Operation(_TAG, SchemaDocument, query=SchemaQuery, errors=(403, 404))
        live = Operation(_TAG, LiveDocument, query=LiveQuery, errors=(403, 404))
        return tuple(
            Route(
                *("GET", path, handler, Access.VIEWER, Surface.JSON),
                operation=operation,
                for_read_keys=True,
            )
            for path, handler, operation in (
                (f"{_PROJECT}/schema", self.schema, schema),
                (f"{_PROJECT}/live", self.live, live),
            )
        )

    async def schema(self, request: web.Request) -> web.Response:
        """List event names and properties with types, volume, first and last time."""
        query = read_query(request.query, SchemaQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        reports = self._analytics.schema
        names = await reports.names(project)
        uses = await reports.properties(project, query.eventName, unix_ms(query.from_))
        return json_response(
            SchemaDocument(
                events=[seen_name_document(name) for name in names],
                properties=[property_document(use) for use in uses],
            )
        )

    async def live(self, request: web.Request) -> web.Response:
        """Return the newest events; ask again with the `cursor` for those that follow."""
        query = read_query(request.query, LiveQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        live = await self._analytics.live.newest(project, query.cursor, query.limit)
        return json_response(live_document(live))
