"""`/api/hosts/{key}/charts`: the data of a host's charts."""

from collections.abc import Callable
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, Field

from alerting.check_settings import HostCheckSettings
from model.clock import Clock
from promql.api import QueryEngine
from storage.api.marks.annotations import AnnotationRecords
from web.fleet.fleet import Fleet
from web.hosts.charts.chart_grid import DEFAULT_RANGE, RANGES, Grid
from web.hosts.charts.line_reading import covering_range, read_charts
from web.hosts.documents import ChartsDocument
from web.hosts.lookup import find_host
from web.http.errors import BadRequestError
from web.http.host_paths import HOST_KEY
from web.http.operations import Operation
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_Time = Annotated[int, Field(ge=1, le=2**53), DIGITS]
_MOST_MARKS = 200


def _known(name: str) -> str:
    if name not in RANGES:
        raise ValueError(f"must be one of {', '.join(RANGES)}")
    return name


class ChartsQuery(Parameters):
    """A named range, or `start_ms` and `end_ms`; with `since_ms` only the columns since then."""

    range: Annotated[str, AfterValidator(_known)] = Field(
        DEFAULT_RANGE, json_schema_extra={"enum": [*RANGES]}
    )
    start_ms: _Time | None = None
    end_ms: _Time | None = None
    since_ms: _Time | None = None


class ChartsApi:
    """Charts as JSON."""

    def __init__(
        self,
        fleet: Fleet,
        engine: QueryEngine,
        annotations: AnnotationRecords,
        clock: Clock,
        host_checks: Callable[[], HostCheckSettings],
    ) -> None:
        self._fleet, self._engine, self._clock = fleet, engine, clock
        self._annotations, self._host_checks = annotations, host_checks

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(
            "hosts", ChartsDocument, query=ChartsQuery, errors=(404,), responses={204: None}
        )
        path, access, surface = f"/api/hosts/{HOST_KEY}/charts", Access.VIEWER, Surface.JSON
        return (Route("GET", path, self.charts, access, surface, operation=operation),)

    async def charts(self, request: web.Request) -> web.Response:
        """Return the data of the host's charts."""
        host = await find_host(self._fleet, request)
        query = read_query(request.query, ChartsQuery)
        interval_s = host.interval_s or 15.0
        whole = await self._grid(query, host.instance, interval_s)
        grid = whole.since(query.since_ms) if query.since_ms else whole
        if grid is None:
            return web.Response(status=204)
        checks = self._host_checks()
        document = await read_charts(self._engine, host.instance, interval_s, checks, grid)
        # Of the whole range: a mark may be set for an earlier time at any moment.
        marks = await self._annotations.between(
            whole.start_ms,
            whole.end_ms,
            project="",
            instance=host.instance,
            limit=_MOST_MARKS,
        )
        document["annotations"] = [
            {"time": mark.start_ms, "timeEnd": mark.end_ms, "text": mark.text} for mark in marks
        ]
        return json_response(document)

    async def _grid(self, query: ChartsQuery, instance: str, interval_s: float) -> Grid:
        if query.start_ms or query.end_ms:
            start_ms, end_ms = query.start_ms or 0, query.end_ms or 0
            if end_ms - start_ms < 10_000:
                raise BadRequestError("end_ms: must be at least 10 s after start_ms", "end_ms")
            return Grid.between(start_ms, end_ms, interval_s)
        now_ms = self._clock()
        name = await covering_range(self._engine, instance, query.range, now_ms)
        return Grid.back_from(now_ms, RANGES[name], interval_s)
