"""The overview of a project: totals beside the period before, a chart, the top events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from analytics.product.reports import TimeSeriesPoint
from storage.api.events import EventSelection, EventTotals
from storage.api.projects import Project
from storage.api.requests import RequestSelection
from web.http.network import base_url
from web.http.routing import Route, principal_of
from web.http.viewing.texts import gettext
from web.live.shell import PageAddress
from web.product_pages.parts import ReportParts, report_page
from web.product_pages.ranges import chosen_range, range_links
from web.projects.frame import ProjectFrame
from web.settings import WebSettings

_EVER: Final = (-(2**53), 2**53)
_TOP_EVENTS: Final = 10
_APDEX_MS: Final = 500

OVERVIEW: Final = report_page("", "Overview", "overview_page")


@dataclass(frozen=True, slots=True)
class Figure:
    """A number beside that of the period before."""

    title: str
    value: int
    before: int

    @property
    def change(self) -> float | None:
        """The relative change, None if there was nothing before."""
        return (self.value - self.before) / self.before if self.before else None


class OverviewPages:
    """Shows the overview, and how to send the first event until one has arrived."""

    def __init__(self, parts: ReportParts, settings: WebSettings) -> None:
        self._analytics, self._access, self._shell = parts.analytics, parts.access, parts.shell
        self._clock, self._settings, self._marks = parts.clock, settings, parts.marks
        self._shell.add_region(
            "project",
            "product_pages/arrival.html",
            self._arrival,
            lambda address: self._analytics.arrivals.following(address.key),
        )

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._shell.route(OVERVIEW, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the overview."""
        frame = await ProjectFrame.of(self._access, request)
        first_ms = await self._newest_ms(frame.project)
        common = {**frame.values(""), "newest_ms": first_ms}
        if first_ms is None:
            return await self._shell.page(
                request,
                OVERVIEW,
                **common,
                url=base_url(request, self._settings),
                figures=None,
            )
        chosen = chosen_range(request.query, frame.project, self._clock())
        span, project = chosen.dates, frame.project
        reports = self._analytics.reports
        selection = EventSelection(project.id, span.start_ms, span.end_ms)
        before = EventSelection(project.id, span.before_start_ms, span.before_end_ms)
        totals, earlier = await reports.overview(selection), await reports.overview(before)
        points = await reports.time_series(project, selection, span.interval)
        return await self._shell.page(
            request,
            OVERVIEW,
            **common,
            range=chosen,
            range_links=range_links(request.path, request.query, chosen),
            figures=_figures(totals, earlier),
            chart_data=chart_of(points),
            marks=await self._marks.between(
                principal_of(request), project, span.start_ms, span.end_ms
            ),
            points=points,
            top=await reports.top_events(selection, _TOP_EVENTS),
            requests=await self._requests(project, span.start_ms, span.end_ms),
        )

    async def _requests(self, project: Project, start_ms: int, end_ms: int) -> Any:
        selection = RequestSelection(project.id, start_ms, end_ms)
        return await self._analytics.request_reports.summary(selection, _APDEX_MS)

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


def _figures(totals: EventTotals, earlier: EventTotals) -> list[Figure]:
    return [
        Figure(gettext("Events"), totals.events, earlier.events),
        Figure(gettext("Persons"), totals.persons, earlier.persons),
        Figure(gettext("Kinds of events"), totals.names, earlier.names),
    ]


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
