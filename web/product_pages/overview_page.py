"""The overview of a project: totals beside the period before, a chart, the top events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict, MultiMapping

from analytics.product.definitions import ReportDefinition, ReportKind
from analytics.product.reports import TimeSeriesPoint
from analytics.statistics.calendar import Interval, date_of, start_of_date, zone_of
from analytics.statistics.date_ranges import fitting_interval
from analytics.statistics.previous_period import previous_period
from storage.api.events import EventGroup, EventSelection
from storage.api.projects import Project
from storage.api.requests import RequestSelection
from web.http.network import base_url
from web.http.routing import Route
from web.http.viewing.texts import gettext
from web.live.shell import PageAddress
from web.product_pages.asked_reports import AskedReport, AskedReportPages
from web.product_pages.parts import ReportParts, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange
from web.projects.figures import Figure
from web.projects.frame import ProjectFrame
from web.settings import WebSettings

_EVER: Final = (-(2**53), 2**53)
_TOP_EVENTS: Final = 10
_APDEX_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Overview:
    """What the overview shows of a range.

    Attributes:
        figures: the totals beside those of the period before.
        points: events and persons in time.
        top: the most frequent events.
        interval: the width of the points' buckets.
        days: by how many days the period before is earlier.
        ends_within_a_day: whether the range, and so the period before, ends between midnights.
    """

    figures: Sequence[Figure]
    points: Sequence[TimeSeriesPoint]
    top: Sequence[EventGroup]
    interval: Interval
    days: int
    ends_within_a_day: bool


class OverviewReportPage(AskedReport):
    """The report of a project's overview: totals, a chart and the top events."""

    kind = ReportKind.OVERVIEW
    page = report_page("", "Overview", "overview_page")
    result = "product_pages/overview_result.html"
    offers_names = False

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any]:
        """Return the definition that an address asks for."""
        return {**asked_range(chosen), "filters": asked_filters(query)}

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        return common_fields(definition)

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form; the conditions are fields of every form."""
        return {"is_filtered": bool(asked_filters(query))}

    def span(self, values: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the range of the chart."""
        report: Overview = values["report"]
        return report.points[0].start_ms, report.points[-1].end_ms

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = ReportDefinition.model_validate(definition)
        reports = parts.analytics.reports
        selection = await parts.analytics.questions.selection(project, asked)
        zone = zone_of(project.settings.time_zone)
        start_ms, end_ms = selection.start_ms, selection.end_ms
        before_ms = previous_period(start_ms, end_ms, Interval.DAY, zone)
        # 1: a date before the range that the zone has skipped (Samoa, 30 December 2011).
        days = max(1, (date_of(start_ms, zone) - date_of(before_ms[0], zone)).days)
        before = replace(selection, start_ms=before_ms[0], end_ms=before_ms[1])
        now, earlier = await reports.overview(selection), await reports.overview(before)
        interval = fitting_interval(days)
        report = Overview(
            [
                Figure(gettext("Events"), now.events, earlier.events),
                Figure(gettext("Persons"), now.persons, earlier.persons),
                Figure(gettext("Kinds of events"), now.names, earlier.names),
            ],
            await reports.time_series(project, selection, interval),
            await reports.top_events(selection, _TOP_EVENTS),
            interval,
            days,
            ends_within_a_day=end_ms != start_of_date(date_of(end_ms, zone), zone),
        )
        return {"report": report, "chart_data": chart_of(report.points)}

    async def members_part(
        self,
        parts: ReportParts,
        project: Project,
        definition: dict[str, Any],
        query: MultiMapping[str],
    ) -> Mapping[str, Any]:
        """Return the figures of the tracked requests of the range, unless conditions are asked."""
        asked = ReportDefinition.model_validate(definition)
        # A condition on events says nothing about requests.
        if asked.filters:
            return {"requests": None}
        span = await parts.analytics.questions.selection(project, asked)
        selection = RequestSelection(project.id, span.start_ms, span.end_ms)
        summary = await parts.analytics.request_reports.summary(selection, _APDEX_MS)
        return {"requests": summary}


OVERVIEW: Final = OverviewReportPage()


class OverviewPages:
    """Shows the overview, and how to send the first event until one has arrived."""

    def __init__(self, pages: AskedReportPages, parts: ReportParts, settings: WebSettings) -> None:
        self._pages = pages
        self._analytics, self._access, self._shell = parts.analytics, parts.access, parts.shell
        self._settings = settings
        self._shell.add_region(
            "project",
            "product_pages/arrival.html",
            self._arrival,
            lambda address: self._analytics.arrivals.following(address.key),
        )

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._shell.route(OVERVIEW.page, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the overview."""
        frame = await ProjectFrame.of(self._access, request)
        newest_ms = await self._newest_ms(frame.project)
        if newest_ms is not None:
            return await self._pages.page(OVERVIEW, request, frame, {"newest_ms": newest_ms})
        return await self._shell.page(
            request,
            OVERVIEW.page,
            **frame.values(OVERVIEW.tab),
            newest_ms=None,
            url=base_url(request, self._settings),
        )

    async def _newest_ms(self, project: Project) -> int | None:
        """Return when the newest event or request arrived, None before the first one."""
        newest = await self._analytics.events.latest(EventSelection(project.id, *_EVER), 1)
        if newest:
            return newest[0].received_ms
        found = await self._analytics.requests.latest_requests(
            RequestSelection(project.id, *_EVER), 1
        )
        return found[0].request.time_ms if found else None

    async def _arrival(self, address: PageAddress) -> Mapping[str, Any]:
        frame = await ProjectFrame.of_reader(self._access, address.reader, address.key)
        return {"newest_ms": await self._newest_ms(frame.project), "frame": frame}


def chart_of(points: Sequence[TimeSeriesPoint]) -> Mapping[str, Any]:
    """Return the data of the chart's script."""
    return {
        "labels": [point.label for point in points],
        "edges": [point.start_ms for point in points] + [point.end_ms for point in points[-1:]],
        "complete": [point.is_complete for point in points],
        "lines": [
            {"name": gettext("Events"), "values": [point.events for point in points]},
            {"name": gettext("Persons"), "values": [point.persons for point in points]},
        ],
    }
