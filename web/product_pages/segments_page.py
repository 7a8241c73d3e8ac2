"""The segments of a project: named groups of persons, made with the conditions of reports."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from multidict import MultiDict, MultiMapping
from pydantic import ConfigDict, StringConstraints, ValidationError

from analytics.errors import ReportError
from analytics.product.conditions import LONGEST_SEGMENT_NAME
from analytics.product.definitions import Filters
from model.base_models import DeferredModel
from storage.api.errors import NotFoundError, TakenError
from storage.api.projects import ProjectRole
from storage.api.reports.saved_reports import PersonSegment
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.pages import Page
from web.http.parameters import read_form_fields, record_id
from web.http.routing import Access, Route, Surface
from web.http.viewing.texts import gettext
from web.product_pages.condition_fields import (
    PERSON_OPERATORS,
    asked_conditions,
    conditions_of,
    has_form,
)
from web.product_pages.parts import ReportParts, given, refusal_text
from web.projects.frame import ProjectFrame

_PATH: Final = "/projects/{project_key}/segments"

SEGMENTS: Final = Page(
    path=_PATH,
    title="Segments",
    template="product_pages/segments_page.html",
    access=Access.USER,
    parent="/projects",
    notices={
        "created": "The segment is created; every report offers it.",
        "changed": "The segment is saved.",
        "removed": "The segment is deleted. Saved reports that use it are refused.",
    },
)


class SegmentFields(DeferredModel):
    """The form of a segment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_SEGMENT_NAME, strip_whitespace=True),
    ]
    definition: Filters


class SegmentsPages:
    """Lists the segments for members; editors create, rename, change and delete them."""

    def __init__(self, parts: ReportParts) -> None:
        self._parts, self._segments = parts, parts.analytics.segments

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        user, page = Access.USER, Surface.PAGE
        return (
            self._parts.shell.route(SEGMENTS, self.show),
            Route("POST", _PATH, self.create, user, page),
            Route("POST", f"{_PATH}/{{id}}", self.change, user, page),
            Route("POST", f"{_PATH}/{{id}}/remove", self.remove, user, page),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the list, and the form for a new segment or the one that the address names."""
        return await self._page(request, await self._parts.frame(request), request.query)

    async def create(self, request: web.Request) -> web.Response:
        """Create a segment from the form."""
        frame, fields = await self._editors(request), MultiDict(await read_form_fields(request))
        try:
            form = _form(fields)
            await self._segments.create(frame.project, form.name, form.definition)
        except (ValidationError, ReportError, BadRequestError, TakenError) as exc:
            return await self._page(request, frame, fields, _problem(exc))
        note(request, "segment.create", frame.project.key, name=form.name)
        raise web.HTTPSeeOther(f"{frame.path}/segments?notice=created")

    async def change(self, request: web.Request) -> web.Response:
        """Replace name and conditions of a segment."""
        frame, number = await self._editors(request), record_id(request)
        fields = MultiDict(await read_form_fields(request))
        try:
            form = _form(fields)
            await self._segments.change(frame.project, number, form.name, form.definition)
        except (ValidationError, ReportError, BadRequestError, TakenError) as exc:
            fields["edit"] = str(number)
            return await self._page(request, frame, fields, _problem(exc))
        except NotFoundError as exc:
            raise MissingError("the project has no such segment") from exc
        note(request, "segment.change", frame.project.key, name=form.name)
        raise web.HTTPSeeOther(f"{frame.path}/segments?notice=changed")

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a segment."""
        frame, number = await self._editors(request), record_id(request)
        try:
            await self._segments.remove(frame.project, number)
        except NotFoundError as exc:
            raise MissingError("the project has no such segment") from exc
        note(request, "segment.remove", frame.project.key, id=str(number))
        raise web.HTTPSeeOther(f"{frame.path}/segments?notice=removed")

    async def _page(
        self,
        request: web.Request,
        frame: ProjectFrame,
        fields: MultiMapping[str],
        problem: str = "",
    ) -> web.Response:
        segments = await self._segments.all(frame.project)
        edited = _edited(segments, given(fields, "edit"))
        # The form as it was sent, or that of the stored segment.
        is_sent = bool(problem) or "name" in fields
        conditions, name, definition = asked_conditions(fields), given(fields, "name"), ""
        if edited is not None:
            stored = orjson.loads(edited.definition)
            if not has_form(stored):
                definition = orjson.dumps(stored, option=orjson.OPT_INDENT_2).decode()
                definition = fields.get("definition", definition)
            if not is_sent:
                conditions, name = conditions_of(stored), edited.name
        return await self._parts.shell.page(
            request,
            SEGMENTS,
            400 if problem else 200,
            **frame.values("/settings"),
            segments=segments,
            edited=edited,
            name=name,
            asked_conditions=conditions,
            definition=definition,
            more=given(fields, "more"),
            operators=PERSON_OPERATORS,
            names=await self._parts.names(frame) if frame.edits else (),
            problem=problem,
        )

    async def _editors(self, request: web.Request) -> ProjectFrame:
        return await ProjectFrame.of(self._parts.access, request, ProjectRole.EDITOR)


def _form(fields: MultiMapping[str]) -> SegmentFields:
    """Return name and definition: the conditions, or JSON that the form cannot show.

    Raises:
        ValidationError, BadRequestError: a field is invalid.
    """
    definition: Any = asked_conditions(fields).filters()
    if "definition" in fields:
        try:
            definition = orjson.loads(fields["definition"])
        except orjson.JSONDecodeError as exc:
            raise BadRequestError("is not JSON", "definition") from exc
    return SegmentFields.model_validate({"name": given(fields, "name"), "definition": definition})


def _problem(exc: Exception) -> str:
    if isinstance(exc, TakenError):
        return gettext("Another segment of the project has this name")
    if isinstance(exc, BadRequestError):
        return f"{exc.field}: {exc.message}"
    return refusal_text(exc)


def _edited(segments: Sequence[PersonSegment], number: str) -> PersonSegment | None:
    """Return the segment that an address edits.

    Raises:
        MissingError: the project has no such segment.
    """
    if not number:
        return None
    found = next((each for each in segments if str(each.id) == number), None)
    if found is None:
        raise MissingError("the project has no such segment")
    return found
