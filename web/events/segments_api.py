"""`/v1/projects/{project_key}/segments`: named groups of persons."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from storage.api.projects import ProjectRole
from web.events.forms import SegmentForm
from web.events.saved_documents import SegmentDocument, segment_document
from web.http.audit_trail import note
from web.http.operations import Operation
from web.http.parameters import read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_PATH: Final = "/v1/projects/{project_key}/segments"


class SegmentsApi:
    """Members see the segments of a project; editors of the project change them."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._segments, self._access = analytics.segments, access
        self._is_open = analytics.settings.open_api

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        look = Access.PUBLIC if self._is_open else Access.VIEWER
        edit = Access.PUBLIC if self._is_open else Access.USER
        listing = Operation(_TAG, list[SegmentDocument], errors=(403, 404))
        create = Operation(_TAG, SegmentDocument, SegmentForm, status=201, errors=(403, 404, 409))
        change = Operation(_TAG, SegmentDocument, SegmentForm, errors=(403, 404, 409))
        remove = Operation(_TAG, None, status=204, errors=(400, 403, 404))
        return json_routes(
            ("GET", _PATH, self.listed, look, listing),
            ("POST", _PATH, self.create, edit, create),
            ("PUT", _PATH + "/{id}", self.change, edit, change),
            ("DELETE", _PATH + "/{id}", self.remove, edit, remove),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the segments of a project, by name."""
        key = request.match_info["project_key"]
        project = await self._access.for_changing(request, key, ProjectRole.VIEWER)
        return json_response([segment_document(one) for one in await self._segments.all(project)])

    async def create(self, request: web.Request) -> web.Response:
        """Create a segment: a named condition on persons that filters can name."""
        project = await self._access.for_changing(request, request.match_info["project_key"])
        form = await read_json(request, SegmentForm)
        segment = await self._segments.create(project, form.name, form.definition)
        note(request, "segment.create", project.key, name=form.name)
        return json_response(segment_document(segment), 201)

    async def change(self, request: web.Request) -> web.Response:
        """Replace name and definition of a segment."""
        project = await self._access.for_changing(request, request.match_info["project_key"])
        number = record_id(request)
        form = await read_json(request, SegmentForm)
        segment = await self._segments.change(project, number, form.name, form.definition)
        note(request, "segment.change", project.key, name=form.name)
        return json_response(segment_document(segment))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a segment; reports that name it are refused from then on."""
        project = await self._access.for_changing(request, request.match_info["project_key"])
        number = record_id(request)
        await self._segments.remove(project, number)
        note(request, "segment.remove", project.key, id=str(number))
        return web.Response(status=204)
