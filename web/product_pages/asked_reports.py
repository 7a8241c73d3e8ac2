"""Reports that a form asks, an address holds, and a project saves and shares."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

import orjson
from aiohttp import web
from multidict import MultiDict, MultiMapping

from analytics.product.definitions import ReportKind
from analytics.statistics.calendar import zone_of
from storage.api.projects import Project
from storage.api.reports.saved_reports import SavedReport
from web.http.errors import MissingError, WebError
from web.http.pages import Page
from web.http.routing import Route, principal_of
from web.product_pages.condition_fields import OPERATORS, asked_conditions, has_form
from web.product_pages.parts import REFUSALS, ReportParts, given, refusal_text
from web.product_pages.questions import fields_of_range
from web.product_pages.ranges import DEFAULT_DAYS, ChosenRange, chosen_range, range_links
from web.projects.chart_marks import ChartMark
from web.projects.frame import ProjectFrame

_NOT_ASKED = ("at", "outcome", "part", "after", "row", "cell", "saved", "more")


class AskedReport(ABC):
    """One kind of report; subclasses say what its form and its result hold."""

    kind: ClassVar[ReportKind]
    page: ClassVar[Page]
    result: ClassVar[str]
    """The template of the result, on the page and on a share link."""
    default_days: ClassVar[int] = DEFAULT_DAYS
    offers_names: ClassVar[bool] = True
    """Whether the form has a field for the name of an event."""

    @property
    def tab(self) -> str:
        """The path of the page after that of its project."""
        return self.page.path.removeprefix("/projects/{project_key}")

    @abstractmethod
    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any] | None:
        """Return the definition that an address asks for, None if it asks for nothing."""

    @abstractmethod
    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them; no range."""

    @abstractmethod
    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""

    def form_has(self, definition: dict[str, Any]) -> bool:
        """Report whether the form has all conditions of a definition."""
        return has_form(definition.get("filters"))

    @abstractmethod
    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template.

        Raises:
            ValidationError, AnalyticsError: the definition is invalid.
        """

    def span(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the range of the chart in an answer, None if it has none with times."""
        return None

    async def members_part(
        self,
        parts: ReportParts,
        project: Project,
        definition: dict[str, Any],
        query: MultiMapping[str],
    ) -> Mapping[str, Any]:
        """Return the values that only the page shows and no share link, such as persons."""
        return {}


class AskedReportPages:
    """Shows reports: the form, the result, and what can be done with it."""

    def __init__(self, reports: Iterable[AskedReport], parts: ReportParts) -> None:
        self._reports, self._parts = tuple(reports), parts

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            self._parts.shell.route(report.page, partial(self.show, report))
            for report in self._reports
        )

    async def show(self, report: AskedReport, request: web.Request) -> web.Response:
        """Show the report that the address asks for."""
        return await self.page(report, request, await self._parts.frame(request))

    async def page(
        self,
        report: AskedReport,
        request: web.Request,
        frame: ProjectFrame,
        further: Mapping[str, Any] | None = None,
    ) -> web.Response:
        """Return the page of the report that the address asks for.

        `further` are values for the template.
        """
        parts = self._parts
        saved = await self._saved(report, frame, request.query)
        query: MultiMapping[str] = request.query
        definition: dict[str, Any] | None = None
        if saved is not None:
            definition = orjson.loads(saved.definition)
            zone = zone_of(frame.project.settings.time_zone)
            query = MultiDict(
                [*fields_of_range(definition, zone), *report.query(definition).items()]
            )
        chosen = chosen_range(query, frame.project, parts.clock(), report.default_days)
        status, values = (
            200,
            dict[str, Any](problem="", report=None, persons=None, **(further or {})),
        )
        try:
            if definition is None:
                definition = report.definition(query, chosen)
            if definition is not None:
                values |= await report.answer(parts, frame.project, definition)
                values["marks"] = await self._marks(request, frame, report.span(values))
                values |= await report.members_part(parts, frame.project, definition, request.query)
        except REFUSALS as exc:
            status, values["problem"] = 400, refusal_text(exc)
        except WebError as exc:
            status, values["problem"] = exc.status, f"{exc.field}: {exc.message}"
        return await parts.shell.page(
            request,
            report.page,
            status,
            **frame.values(report.tab),
            **{**report.form(query), **values},
            kind=report.kind,
            result_template=report.result,
            definition=None if definition is None else orjson.dumps(definition).decode(),
            saved=saved,
            saved_reports=await self._all_saved(report, frame),
            asked_conditions=asked_conditions(query),
            more=given(request.query, "more"),
            form_has_all=saved is None or report.form_has(definition or {}),
            operators=OPERATORS,
            segments=await parts.analytics.segments.all(frame.project),
            names=await parts.names(frame) if report.offers_names else (),
            date_range=chosen,
            range_links=range_links(request.path, query, chosen),
            address=_address(request, saved),
        )

    async def _marks(
        self, request: web.Request, frame: ProjectFrame, span: tuple[int, int] | None
    ) -> list[ChartMark]:
        if span is None:
            return []
        return await self._parts.marks.between(principal_of(request), frame.project, *span)

    async def _all_saved(self, report: AskedReport, frame: ProjectFrame) -> list[SavedReport]:
        found = await self._parts.analytics.saved_reports.all(frame.project)
        return [each for each in found if each.kind == report.kind]

    async def _saved(
        self, report: AskedReport, frame: ProjectFrame, query: MultiMapping[str]
    ) -> SavedReport | None:
        number = given(query, "saved")
        if not number:
            return None
        found = None
        if number.isascii() and number.isdigit() and len(number) < 19:
            found = await self._parts.analytics.saved_reports.find(frame.project, int(number))
        if found is None or found.kind != report.kind:
            raise MissingError("the project has no such saved report")
        return found


def _address(request: web.Request, saved: SavedReport | None) -> str:
    """Return the address of the report, to which the place of a number is appended."""
    if saved is not None:
        return f"{request.path}?saved={saved.id}"
    pairs = [(name, value) for name, value in request.query.items() if name not in _NOT_ASKED]
    return f"{request.path}?{urlencode(pairs)}"
