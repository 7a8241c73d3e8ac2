"""`/v1/projects/{project_key}/shares`: share links of reports."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from analytics.product.definitions import ReportKind
from model.base_models import DeferredModel
from storage.api.errors import NotFoundError
from storage.api.projects import Project, ProjectRole
from storage.api.reports.shares import ReportShare
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.network import base_url
from web.http.operations import Operation
from web.http.parameters import read_json, record_id
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes, principal_of
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts
from web.projects.times import iso
from web.settings import WebSettings

_TAG: Final = "events"
_PATH: Final = "/v1/projects/{project_key}/shares"


class NewShareForm(DeferredModel):
    """A report to share: its kind, the body with which it is asked, a title, and its days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ReportKind
    definition: dict[str, Any]
    title: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    days: Annotated[int, Field(ge=1, le=366)] = 30


class ShareDocument(TypedDict):
    """A share link without its address."""

    id: int
    kind: str
    title: str
    definition: dict[str, Any]
    author: str
    createdAt: str
    expiresAt: str


class NewShareDocument(TypedDict):
    """A new link; its address, `url`, is returned only once."""

    id: int
    url: str
    expiresAt: str


def share_document(share: ReportShare) -> ShareDocument:
    """Return a link without its address."""
    return ShareDocument(
        id=share.id,
        kind=share.kind,
        title=share.title,
        definition=orjson.loads(share.definition),
        author=share.author,
        createdAt=iso(share.created_ms),
        expiresAt=iso(share.expires_ms),
    )


class SharesApi:
    """Creates, lists and revokes links, for editors of a project."""

    def __init__(
        self, reports: Iterable[AskedReport], parts: ReportParts, settings: WebSettings
    ) -> None:
        self._reports = {report.kind: report for report in reports}
        self._parts, self._settings = parts, settings
        self._shares = parts.analytics.shares

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        listing = Operation(_TAG, list[ShareDocument], errors=(403, 404))
        create = Operation(_TAG, NewShareDocument, NewShareForm, status=201, errors=(403, 404))
        revoke = Operation(_TAG, None, status=204, errors=(400, 403, 404))
        user = Access.USER
        return json_routes(
            ("GET", _PATH, self.listed, user, listing),
            ("POST", _PATH, self.create, user, create),
            ("DELETE", _PATH + "/{id}", self.revoke, user, revoke),
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List the links that have not ended, the newest first."""
        project = await self._project(request)
        shares = await self._shares.live(project)
        return json_response([share_document(share) for share in shares])

    async def create(self, request: web.Request) -> web.Response:
        """Share a report with anybody who has the link, for some days; it is asked once first."""
        project = await self._project(request)
        form = await read_json(request, NewShareForm)
        report = self._reports.get(form.kind)
        if report is None:
            raise BadRequestError("this report cannot be shared", "kind")
        await report.answer(self._parts, project, form.definition)
        issued = await self._shares.create(
            project,
            form.kind,
            form.title,
            orjson.dumps(form.definition).decode(),
            principal_of(request).name,
            form.days,
        )
        note(request, "share.create", project.key, id=str(issued.id), title=form.title)
        document = NewShareDocument(
            id=issued.id,
            url=f"{base_url(request, self._settings)}/share/{issued.token}",
            expiresAt=iso(issued.expires_ms),
        )
        return json_response(document, 201)

    async def revoke(self, request: web.Request) -> web.Response:
        """End a link at once."""
        project, number = await self._project(request), record_id(request)
        try:
            await self._shares.revoke(project, number)
        except NotFoundError as exc:
            raise MissingError("the project has no such link") from exc
        note(request, "share.revoke", project.key, id=str(number))
        return web.Response(status=204)

    async def _project(self, request: web.Request) -> Project:
        key = request.match_info["project_key"]
        return await self._parts.access.for_changing(request, key, ProjectRole.EDITOR)
