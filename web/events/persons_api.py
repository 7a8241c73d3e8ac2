"""`/v1/projects/{project_key}/persons`: who the persons of a project are, and their erasure."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.projects import ProjectRole
from web.events.activity_documents import (
    ErasedDocument,
    FoundPersonsDocument,
    PersonDocument,
    TimelineDocument,
    found_persons_document,
    person_document,
    timeline_document,
)
from web.events.activity_forms import PersonsQuery, TimelineQuery
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.operations import Operation
from web.http.parameters import read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_PERSONS: Final = "/v1/projects/{project_key}/persons"
_PERSON: Final = f"{_PERSONS}/{{name:[^/]+}}"


class PersonsApi:
    """Members look, owners erase."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        errors = (403, 404)
        search = Operation(_TAG, FoundPersonsDocument, query=PersonsQuery, errors=errors)
        show = Operation(_TAG, PersonDocument, errors=errors)
        timeline = Operation(_TAG, TimelineDocument, query=TimelineQuery, errors=errors)
        erase = Operation(_TAG, ErasedDocument, errors=errors)
        return json_routes(
            ("GET", _PERSONS, self.search, Access.VIEWER, search),
            ("GET", _PERSON, self.show, Access.VIEWER, show),
            ("GET", f"{_PERSON}/events", self.timeline, Access.VIEWER, timeline),
            ("DELETE", _PERSON, self.erase, Access.USER, erase),
        )

    async def search(self, request: web.Request) -> web.Response:
        """Find persons by the beginning of an id."""
        query = read_query(request.query, PersonsQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        found = await self._analytics.persons.find(project, query.search, query.limit)
        return json_response(found_persons_document(found))

    async def show(self, request: web.Request) -> web.Response:
        """Show a person: merged ids, counts by event, latest properties."""
        project = await self._access.for_reading(request, request.match_info["project_key"])
        name = request.match_info["name"]
        profile = await self._analytics.persons.profile(project, name)
        if profile is None:
            raise MissingError("the project has no events of this person", "name")
        return json_response(person_document(profile))

    async def timeline(self, request: web.Request) -> web.Response:
        """List the events of a person, the newest first."""
        query = read_query(request.query, TimelineQuery)
        project = await self._access.for_reading(request, request.match_info["project_key"])
        before = None
        if query.before is not None:
            time_ms, _, sequence = query.before.rpartition("-")
            before = (int(time_ms), int(sequence))
        names = None if query.eventName is None else (query.eventName,)
        page = await self._analytics.persons.timeline(
            project, request.match_info["name"], query.limit, before, names
        )
        return json_response(timeline_document(page))

    async def erase(self, request: web.Request) -> web.Response:
        """Delete all events of a person, also those of merged ids."""
        key = request.match_info["project_key"]
        project = await self._access.for_changing(request, key, ProjectRole.OWNER)
        name = request.match_info["name"]
        deleted = await self._analytics.erase_person(project, name)
        # The id is what must be forgotten, so that the log has the project only.
        note(request, "person.erase", project.key, events=str(deleted))
        return json_response(ErasedDocument(deleted=deleted))
