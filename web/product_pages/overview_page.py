"""The overview of a project: totals beside the period before, a chart, the top events."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from analytics.product.reports import TimeSeriesPoint
from storage.api.events import EventSelection, EventTotals
from storage.api.projects import Project
from storage.api.requests import RequestSelection
from web.http.network import base_url
from web.http.routing import Route, principal_of
from web.http.viewing.texts import gettext
from web.live.shell import PageAddress
from web.product_pages.condition_fields import OPERATORS, ConditionFields, asked_conditions
from web.product_pages.parts import (
    REFUSALS,
    ReportParts,
    given,
    refusal_text,
    report_page,
)
from web.product_pages.ranges import ChosenRange, chosen_range, range_links
from web.projects.figures import Figure
from web.projects.frame import ProjectFrame
from web.settings import WebSettings

_EVER: Final = (-(2**53), 2**53)
_TOP_EVENTS: Final = 10
_APDEX_MS: Final = 500

OVERVIEW: Final = report_page("", "Overview", "overview_page")


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
        newest_ms = await self._newest_ms(frame.project)
        common = {**frame.values(""), "newest_ms": newest_ms}
        if newest_ms is None:
            return await self._shell.page(
                request,
                OVERVIEW,
                **common,
                url=base_url(request, self._settings),
            )
        chosen = chosen_range(request.query, frame.project, self._clock())
        conditions = asked_conditions(request.query)
        status, values = 200, dict[str, Any](problem="", figures=None)
        try:
            values |= await self._answer(request, frame.project, chosen, conditions)
        except REFUSALS as exc:
            status, values["problem"] = 400, refusal_text(exc)
        return await self._shell.page(
            request,
            OVERVIEW,
            status,
            **common,
            **values,
            date_range=chosen,
            range_links=range_links(request.path, request.query, chosen),
            asked_conditions=conditions,
            is_filtered=bool(conditions.filters()),
            asked_fields=urlencode([*chosen.parameters, *conditions.fields()]),
            more=given(request.query, "more"),
            form_has_all=True,
            operators=OPERATORS,
            segments=await self._analytics.segments.all(frame.project),
        )

    async def _answer(
        self,
        request: web.Request,
        project: Project,
        chosen: ChosenRange,
        conditions: ConditionFields,
    ) -> Mapping[str, Any]:
        """Return the values of the report.

        Raises:
            ReportError, EventQueryError: a condition is invalid.
        """
        span, reports, filters = chosen.dates, self._analytics.reports, conditions.filters()
        where = await self._analytics.segments.parse(project, filters)
        selection = EventSelection(project.id, span.start_ms, span.end_ms, where=where)
        before = replace(selection, start_ms=span.before_start_ms, end_ms=span.before_end_ms)
        totals, earlier = await reports.overview(selection), await reports.overview(before)
        points = await reports.time_series(project, selection, span.interval)
        return {
            "figures": _figures(totals, earlier),
            "chart_data": chart_of(points),
            "marks": await self._marks.between(
                principal_of(request), project, span.start_ms, span.end_ms
            ),
            "points": points,
            "top": await reports.top_events(selection, _TOP_EVENTS),
            # A condition on events says nothing about requests.
            "requests": None
            if filters
            else await self._requests(project, span.start_ms, span.end_ms),
        }

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
