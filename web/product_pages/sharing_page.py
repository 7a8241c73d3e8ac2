"""Saving and sharing reports; and the page that a share link shows, without a login."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field, StringConstraints

from analytics.product.definitions import ReportKind
from model.base_models import DeferredModel
from storage.api.errors import NotFoundError
from storage.api.projects import ProjectRole
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.network import base_url
from web.http.pages import Page
from web.http.parameters import DIGITS, read_form, record_id
from web.http.rendering import Renderer
from web.http.responses import html_response
from web.http.routing import Access, Route, Surface, principal_of
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import REFUSALS, ReportParts, refusal_text
from web.projects.frame import ProjectFrame
from web.settings import WebSettings

_PROJECT: Final = "/projects/{project_key}"
SHARE_PATH: Final = "/share/{token}"

NEW_SHARE: Final = Page(
    path=f"{_PROJECT}/shares",
    title="Share link",
    template="product_pages/new_share_page.html",
    access=Access.USER,
    parent="/projects",
)
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class SavedReportFields(DeferredModel):
    """The form that saves a report."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: ReportKind
    definition: str
    name: Title


class ShareFields(DeferredModel):
    """The form that creates a share link."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: ReportKind
    definition: str
    title: Title
    days: Annotated[int, Field(ge=1, le=366), DIGITS]


class SharingPages:
    """Saves, shares and shows reports."""

    def __init__(
        self,
        reports: Iterable[AskedReport],
        parts: ReportParts,
        renderer: Renderer,
        settings: WebSettings,
    ) -> None:
        self._reports = {report.kind: report for report in reports}
        self._parts = parts
        self._renderer, self._settings = renderer, settings
        self._shares = parts.analytics.shares

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        user, page = Access.USER, Surface.PAGE
        return (
            Route("POST", f"{_PROJECT}/reports", self.save, user, page),
            Route("POST", f"{_PROJECT}/reports/{{id}}/remove", self.remove, user, page),
            Route("POST", f"{_PROJECT}/shares", self.share, user, page),
            Route("POST", f"{_PROJECT}/shares/{{id}}/revoke", self.revoke, user, page),
            Route("GET", SHARE_PATH, self.show, Access.PUBLIC, page),
        )

    async def save(self, request: web.Request) -> web.Response:
        """Save a report and show it."""
        frame = await self._editors(request)
        form = SavedReportFields.model_validate(await read_form(request))
        report = self._report(form.kind)
        saved = await self._parts.analytics.saved_reports.save(
            frame.project,
            form.name,
            form.kind,
            _decoded(form.definition),
            principal_of(request).name,
        )
        note(request, "report.create", frame.project.key, name=form.name)
        raise web.HTTPSeeOther(f"{frame.path}{report.tab}?saved={saved.id}")

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a saved report."""
        frame, number = await self._editors(request), record_id(request)
        await self._parts.analytics.saved_reports.remove(frame.project, number)
        note(request, "report.remove", frame.project.key, id=str(number))
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=report-removed#shares")

    async def share(self, request: web.Request) -> web.Response:
        """Create a share link and show it once."""
        frame = await self._editors(request)
        form = ShareFields.model_validate(await read_form(request))
        report = self._report(form.kind)
        # Asked once: a link never leads to a question that is invalid.
        await report.answer(self._parts, frame.project, _decoded(form.definition))
        issued = await self._shares.create(
            frame.project,
            form.kind,
            form.title,
            form.definition,
            principal_of(request).name,
            form.days,
        )
        note(request, "share.create", frame.project.key, id=str(issued.id), title=form.title)
        url = f"{base_url(request, self._settings)}/share/{issued.token}"
        return await self._parts.shell.page(
            request,
            NEW_SHARE,
            **frame.values(report.tab),
            url=url,
            title=form.title,
            expires_ms=issued.expires_ms,
        )

    async def revoke(self, request: web.Request) -> web.Response:
        """End a share link at once."""
        frame, number = await self._editors(request), record_id(request)
        try:
            await self._shares.revoke(frame.project, number)
        except NotFoundError as exc:
            raise MissingError("the project has no such link") from exc
        note(request, "share.revoke", frame.project.key, id=str(number))
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=share-revoked#shares")

    async def show(self, request: web.Request) -> web.Response:
        """Show a shared report to anybody who has the link."""
        share = await self._shares.find(request.match_info["token"])
        project = None
        if share is not None:
            project = await self._parts.analytics.projects.find(share.project_key)
        if share is None or project is None or share.kind not in self._reports:
            raise MissingError("this link does not exist, has ended or was revoked")
        report = self._reports[ReportKind(share.kind)]
        values = dict[str, Any](problem="", report=None)
        try:
            definition = orjson.loads(share.definition)
            values |= await report.answer(self._parts, project, definition)
        except REFUSALS as exc:
            # A release may read definitions more strictly than the one that stored this.
            values["problem"] = refusal_text(exc)
        text = self._renderer.text(
            request,
            "product_pages/share_page.html",
            {**values, "share": share, "result_template": report.result, "address": ""},
        )
        headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
        return html_response(text, headers=headers)

    def _report(self, kind: ReportKind) -> AskedReport:
        """Return the report of a kind.

        Raises:
            BadRequestError: the kind has no page.
        """
        report = self._reports.get(kind)
        if report is None:
            raise BadRequestError("this report has no page", "kind")
        return report

    async def _editors(self, request: web.Request) -> ProjectFrame:
        return await ProjectFrame.of(self._parts.access, request, ProjectRole.EDITOR)


def _decoded(definition: str) -> Any:
    try:
        found = orjson.loads(definition)
    except ValueError as exc:
        raise BadRequestError("is not JSON", "definition") from exc
    if not isinstance(found, dict):
        raise BadRequestError("must be an object", "definition")
    return found
