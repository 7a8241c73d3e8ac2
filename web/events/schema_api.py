"""`/v1/projects/{project_key}/schema` and `/live`: what a project receives."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from web.events.activity_documents import LiveDocument, live_document
from web.events.activity_forms import LiveQuery, SchemaQuery
from web.events.schema_documents import SchemaDocument, property_document, schema_event_document
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.projects.access import ProjectAccess
from web.projects.schema_notes import (
    SchemaNotesDocument,
    SchemaNotesForm,
    schema_notes_document,
)
from web.projects.times import unix_ms

_TAG: Final = "events"
_PROJECT: Final = "/v1/projects/{project_key}"
_SCHEMA: Final = f"{_PROJECT}/schema"


class SchemaApi:
    """Shows event names, properties and the newest events; editors describe names."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        schema = Operation(_TAG, SchemaDocument, query=SchemaQuery, errors=(403, 404))
        live = Operation(_TAG, LiveDocument, query=LiveQuery, errors=(403, 404))
        describe = Operation(_TAG, SchemaNotesDocument, SchemaNotesForm, errors=(400, 403, 404))
        return (
            *json_routes(
                ("GET", _SCHEMA, self.schema, Access.VIEWER, schema),
                ("GET", f"{_PROJECT}/live", self.live, Access.VIEWER, live),
                for_read_keys=True,
            ),
            *json_routes(("PATCH", _SCHEMA, self.describe, Access.USER, describe)),
        )

    async def schema(self, request: web.Request) -> web.Response:
        """List event names and properties with types, volume, times and descriptions.

        Names that editors have hidden are left out without `hidden`.
        """
        query = read_query(request.query, SchemaQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        reports, with_hidden = self._analytics.schema, query.hidden
        names = await reports.names(project, with_hidden=with_hidden)
        uses = await reports.properties(
            project, query.eventName, unix_ms(query.from_), with_hidden=with_hidden
        )
        return json_response(
            SchemaDocument(
                events=[schema_event_document(name) for name in names],
                properties=[property_document(use) for use in uses],
            )
        )

    async def describe(self, request: web.Request) -> web.Response:
        """Describe or hide event names and properties; those that the body leaves out stay.

        A body is part `schema` of the project's settings, so that one project's descriptions
        can be given to another.
        """
        project = await self._access.for_changing(request, request.match_info["project_key"])
        changes = (await read_json(request, SchemaNotesForm)).changes()
        schema = self._analytics.schema
        await schema.describe(project, changes, principal_of(request).name)
        names = ", ".join(each.name for each in changes)
        note(request, "schema.describe", project.key, names=names[:200])
        return json_response(schema_notes_document(await schema.notes(project)))

    async def live(self, request: web.Request) -> web.Response:
        """Return the newest events; ask again with the `cursor` for those that follow."""
        query = read_query(request.query, LiveQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        live = await self._analytics.live.newest(project, query.cursor, query.limit)
        return json_response(live_document(live))
