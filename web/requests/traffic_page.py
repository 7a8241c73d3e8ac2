"""The page of a project's API traffic: figures, charts, routes, consumers, the request log."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import numpy as np
from aiohttp import web
from pydantic import AfterValidator

from analytics.requests.reports import DEFAULT_APDEX_MS
from analytics.service import Analytics
from analytics.statistics.calendar import zone_of
from model.clock import Clock
from storage.api.requests import RequestSelection, StoredRequest
from web.http.network import base_url
from web.http.pages import Page
from web.http.parameters import read_query
from web.http.routing import Access, Route, principal_of
from web.http.viewing.texts import gettext
from web.live.shell import Shell
from web.projects.access import ProjectAccess
from web.projects.chart_marks import ChartMarks
from web.projects.figures import Figure
from web.projects.frame import ProjectFrame
from web.requests.forms import Cursor, RequestFilters, cursor_of, cursor_text
from web.requests.traffic_view import (
    DEFAULT_RANGE,
    RANGES,
    HeatMap,
    bucket_labels,
    charts,
    interval_text,
    latency_text,
    share_text,
)
from web.settings import WebSettings

_ROUTES: Final = 50
_LOG: Final = 30
_BREAKDOWN: Final = 12
_FILTERS: Final = ("method", "status", "route", "consumer", "version", "search")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_STATUSES: Final = ("2xx", "3xx", "4xx", "5xx")

TRAFFIC: Final = Page(
    path="/projects/{project_key}/traffic",
    title="API traffic",
    template="requests/traffic_page.html",
    access=Access.USER,
    parent="/projects",
)


def _known(name: str) -> str:
    # An address that is edited by hand shows the default range, not an error.
    return name if name in RANGES else DEFAULT_RANGE


class TrafficQuery(RequestFilters):
    """The range, the filters, the order of the routes and the page of the log."""

    range: Annotated[str, AfterValidator(_known)] = DEFAULT_RANGE
    sort: Literal["requests", "errors", "slowest"] = "requests"
    before: Cursor | None = None


class TrafficPages:
    """Shows the page to the members of a project."""

    def __init__(
        self,
        analytics: Analytics,
        access: ProjectAccess,
        marks: ChartMarks,
        shell: Shell,
        clock: Clock,
        settings: WebSettings,
    ) -> None:
        self._reports, self._access, self._shell = analytics.request_reports, access, shell
        self._clock, self._settings, self._marks = clock, settings, marks

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._shell.route(TRAFFIC, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        frame = await ProjectFrame.of(self._access, request)
        query = read_query(request.query, TrafficQuery)
        now_ms = self._clock()
        edges_ms = RANGES[query.range].edges(now_ms)
        selection = query.selection(frame.project.id, int(edges_ms[0]), int(edges_ms[-1]))
        labels = bucket_labels(edges_ms, zone_of(frame.project.settings.time_zone))
        complete = (edges_ms[1:] <= now_ms).tolist()
        reports = self._reports
        summary, before, series, latency, log = await asyncio.gather(
            reports.summary(selection, DEFAULT_APDEX_MS),
            reports.summary(reports.before(selection), DEFAULT_APDEX_MS),
            reports.series(selection, edges_ms),
            reports.latency_counts(selection, edges_ms),
            reports.log(selection, _LOG, cursor_of(query.before)),
        )
        return await self._shell.page(
            request,
            TRAFFIC,
            **frame.values("/traffic"),
            **_choices(request, query),
            **await self._tables(selection, query),
            url=base_url(request, self._settings),
            summary=summary,
            before=before,
            requests=Figure(gettext("Requests"), summary.figures.requests, before.figures.requests),
            apdex_ms=DEFAULT_APDEX_MS,
            charts=charts(series, labels, edges_ms.tolist(), complete),
            marks=await self._marks.between(
                principal_of(request), frame.project, selection.start_ms, selection.end_ms
            ),
            heat_map=HeatMap.of(latency, labels),
            first_label=labels[0],
            last_label=labels[-1],
            log=log,
            older=_older(request, log),
            latency_text=latency_text,
            share_text=share_text,
            interval_text=interval_text,
            nan=np.nan,
        )

    async def _tables(self, selection: RequestSelection, query: TrafficQuery) -> dict[str, Any]:
        reports = self._reports
        found = await asyncio.gather(
            reports.routes(selection, query.sort, _ROUTES),
            reports.consumers(selection, _BREAKDOWN),
            reports.by_property(selection, "status", _BREAKDOWN),
            reports.by_property(selection, "version", _BREAKDOWN),
        )
        return dict(zip(("routes", "consumers", "statuses", "versions"), found, strict=True))


def _choices(request: web.Request, query: TrafficQuery) -> dict[str, Any]:
    """Return the values of the range picker, the filters and the links that keep them."""

    def address(**changes: str | None) -> str:
        chosen = {**request.query, "before": None, **changes}
        return "?" + urlencode({name: value for name, value in chosen.items() if value})

    return {
        "query": query,
        "ranges": tuple(RANGES),
        "methods": _METHODS,
        "status_classes": _STATUSES,
        "address": address,
        "chips": [
            (name, value, address(**{name: None}))
            for name in ("route", "consumer", "version")
            if (value := getattr(query, name)) is not None
        ],
        "is_filtered": any(getattr(query, name) is not None for name in _FILTERS),
        "unfiltered": address(**dict.fromkeys(_FILTERS)),
    }


def _older(request: web.Request, log: Sequence[StoredRequest]) -> str | None:
    """Return the address of the next page of the log, None on the last one."""
    if len(log) < _LOG:
        return None
    before = cursor_text(log[-1])
    return "?" + urlencode({**request.query, "before": before}) + "#log"
