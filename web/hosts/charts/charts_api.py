"""`/api/hosts/{key}/charts`: the data of a host's charts."""

from collections.abc import Callable
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, Field

from alerting.check_settings import HostCheckSettings
from model.clock import Clock
from promql.api import QueryEngine
from web.fleet.fleet import Fleet
from web.hosts.charts.chart_grid import DEFAULT_RANGE, RANGES, Grid
from web.hosts.charts.host_marks import HostMarks
from web.hosts.charts.host_metrics import charts_of, chosen_charts, metrics_of
from web.hosts.charts.line_reading import ChartedHost, read_charts
from web.hosts.charts.opening import range_grid, read_sections
from web.hosts.documents import ChartsDocument, SectionsDocument
from web.hosts.lookup import find_host
from web.http.errors import BadRequestError
from web.http.host_paths import HOST_KEY
from web.http.operations import Operation
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_Time = Annotated[int, Field(ge=1, le=2**53), DIGITS]
_MOST_CHARTS: Final = 100
_COMPARED_MS: Final = {"": 0, "1d": 86_400_000, "1w": 7 * 86_400_000}


def _known(name: str) -> str:
    if name not in RANGES:
        raise ValueError(f"must be one of {', '.join(RANGES)}")
    return name


class HostRangeQuery(Parameters):
    """A named range, or `start_ms` and `end_ms`."""

    range: Annotated[str, AfterValidator(_known)] = Field(
        DEFAULT_RANGE, json_schema_extra={"enum": [*RANGES]}
    )
    start_ms: _Time | None = None
    end_ms: _Time | None = None


class ChartsQuery(HostRangeQuery):
    """A range, and what to return of it.

    `chart` holds the keys of charts, separated by commas; without it all are returned. With
    `since_ms` only the columns since then are. `compare` adds the values of a day or a week
    earlier to each line.
    """

    since_ms: _Time | None = None
    chart: str = Field("", max_length=20_000)
    compare: Literal["", "1d", "1w"] = ""


class ChartsApi:
    """Charts as JSON."""

    def __init__(
        self,
        fleet: Fleet,
        engine: QueryEngine,
        marks: HostMarks,
        clock: Clock,
        host_checks: Callable[[], HostCheckSettings],
    ) -> None:
        self._fleet, self._engine, self._clock = fleet, engine, clock
        self._marks, self._host_checks = marks, host_checks

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        sections = Operation("hosts", SectionsDocument, query=HostRangeQuery, errors=(404,))
        operation = Operation(
            "hosts", ChartsDocument, query=ChartsQuery, errors=(404,), responses={204: None}
        )
        path, access, surface = f"/api/hosts/{HOST_KEY}/charts", Access.VIEWER, Surface.JSON
        return (
            Route("GET", path, self.charts, access, surface, operation=operation),
            Route(
                "GET",
                f"/api/hosts/{HOST_KEY}/sections",
                self.sections,
                access,
                surface,
                operation=sections,
            ),
        )

    async def sections(self, request: web.Request) -> web.Response:
        """Return which charts the host has, by section."""
        host = await find_host(self._fleet, request)
        query = read_query(request.query, HostRangeQuery)
        grid = await self._grid(query, host.instance, host.interval_s or 15.0)
        return json_response(await read_sections(self._engine, host.instance, grid))

    async def charts(self, request: web.Request) -> web.Response:
        """Return the data of the host's charts."""
        host = await find_host(self._fleet, request)
        query = read_query(request.query, ChartsQuery)
        interval_s = host.interval_s or 15.0
        whole = await self._grid(query, host.instance, interval_s)
        grid = whole.since(query.since_ms) if query.since_ms else whole
        if grid is None:
            return web.Response(status=204)
        if query.chart:
            charts = chosen_charts(query.chart.split(",")[:_MOST_CHARTS])
        else:
            found = await metrics_of(self._engine, host.instance, whole.start_ms, whole.end_ms)
            charts = charts_of(found)
        charted = ChartedHost(host.instance, interval_s, host.labels, self._host_checks())
        compare_ms = _COMPARED_MS[query.compare]
        document = await read_charts(self._engine, charted, charts, grid, compare_ms)
        # Of the whole range: a mark may be set for an earlier time at any moment.
        marks = await self._marks.between(host.instance, whole)
        document["annotations"] = [mark.document() for mark in marks]
        return json_response(document)

    async def _grid(self, query: HostRangeQuery, instance: str, interval_s: float) -> Grid:
        if query.start_ms or query.end_ms:
            start_ms, end_ms = query.start_ms or 0, query.end_ms or 0
            if end_ms - start_ms < 10_000:
                raise BadRequestError("end_ms: must be at least 10 s after start_ms", "end_ms")
            return Grid.between(start_ms, end_ms, interval_s)
        return await range_grid(self._engine, instance, interval_s, query.range, self._clock())
