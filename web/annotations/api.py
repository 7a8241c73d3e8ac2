"""`/api/annotations`: add, list and delete annotations."""

from typing import Final

from aiohttp import web

from model.clock import Clock
from storage.api.marks.annotations import Annotation, AnnotationRecords, NewAnnotation
from storage.api.projects import ProjectRole
from web.annotations.documents import AnnotationDocument, annotation_document
from web.annotations.forms import AnnotationForm, AnnotationsQuery
from web.fleet.fleet import Fleet
from web.http.audit_trail import note
from web.http.errors import ForbiddenError, MissingError
from web.http.operations import Operation
from web.http.parameters import read_json, read_query, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.projects.access import ProjectAccess

_TAG: Final = "annotations"
_DEFAULT_RANGE_MS: Final = 7 * 86_400_000


class AnnotationsApi:
    """Annotations as JSON.

    Those of a project belong to its members; all others are seen by every viewer and changed
    by editors.
    """

    def __init__(
        self, annotations: AnnotationRecords, fleet: Fleet, access: ProjectAccess, clock: Clock
    ) -> None:
        self._annotations, self._fleet = annotations, fleet
        self._access, self._clock = access, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, errors = "/api/annotations", (400, 403, 404)
        add = Operation(_TAG, AnnotationDocument, AnnotationForm, status=201, errors=errors)
        listing = Operation(_TAG, list[AnnotationDocument], query=AnnotationsQuery, errors=(404,))
        remove = Operation(_TAG, status=204, errors=(400, *errors))
        return json_routes(
            ("POST", path, self.add, Access.USER, add),
            ("GET", path, self.listed, Access.VIEWER, listing),
            ("DELETE", f"{path}/{{id}}", self.remove, Access.USER, remove),
        )

    async def add(self, request: web.Request) -> web.Response:
        """Add an annotation; the names of the fields are those of Grafana.

        With `project`, its editors may add it; else editors of the server may.
        """
        form = await read_json(request, AnnotationForm)
        await self._require_change(request, form.project)
        instance = ""
        if form.host:
            host = await self._fleet.host(form.host)
            if host is None:
                raise MissingError(f"host: there is no host {form.host!r}")
            instance = host.instance
        now_ms = self._clock()
        start_ms = now_ms if form.time is None else form.time
        annotation = NewAnnotation(
            start_ms,
            start_ms if form.timeEnd is None else form.timeEnd,
            form.text,
            tuple(form.tags),
            instance,
            form.project,
            principal_of(request).name,
        )
        added = await self._annotations.add(annotation, now_ms)
        note(request, "annotation.add", str(added.id), text=added.text[:200])
        return json_response(annotation_document(added), 201)

    async def listed(self, request: web.Request) -> web.Response:
        """List the annotations that touch a range, in order of time.

        With `host`, those about it and about all hosts; with `project`, those of the project,
        for its members.
        """
        query = read_query(request.query, AnnotationsQuery)
        if query.project:
            await self._access.for_reading(request, query.project)
        instance = None
        if query.host is not None:
            host = await self._fleet.host(query.host)
            if host is None:
                raise MissingError(f"host: there is no host {query.host!r}")
            instance = host.instance
        end_ms = self._clock() if query.to is None else query.to
        start_ms = end_ms - _DEFAULT_RANGE_MS if query.from_ is None else query.from_
        found = await self._annotations.between(
            start_ms,
            end_ms,
            project=query.project,
            instance=instance,
            limit=query.limit,
            tag=query.tag,
        )
        return json_response([annotation_document(annotation) for annotation in found])

    async def remove(self, request: web.Request) -> web.Response:
        """Delete an annotation; whoever may add such a one may."""
        annotation = await self._annotations.get(record_id(request))
        await self._require_change(request, annotation.project, annotation)
        await self._annotations.remove(annotation.id)
        note(request, "annotation.remove", str(annotation.id), text=annotation.text[:200])
        return web.Response(status=204)

    async def _require_change(
        self, request: web.Request, project: str, annotation: Annotation | None = None
    ) -> None:
        """Raise unless the sender may change annotations of a project, or of the server.

        Raises:
            MissingError: there is no such project for the sender.
            ForbiddenError: the sender is no editor.
        """
        if not project:
            if not principal_of(request).may(Access.EDITOR):
                raise ForbiddenError("this needs the role editor")
            return
        try:
            await self._access.for_changing(request, project, ProjectRole.EDITOR)
        except MissingError:
            if annotation is None:
                raise
            # The same answer as for an annotation that does not exist.
            raise MissingError(f"there is no annotation {annotation.id}") from None
