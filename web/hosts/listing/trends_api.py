"""`/api/fleet/trends`: the CPU usage of every host in the last hour, for sparklines."""

import asyncio
from collections.abc import Callable
from typing import Final

import numpy as np
import structlog
from aiohttp import web

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from alerting.check_settings import HostCheckSettings
from alerting.checks.cpu_usage import CpuUsage
from model.clock import Clock
from model.series import AlignedSeries
from promql.api import PromQLError, QueryEngine, QueryOptions
from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

log = structlog.get_logger(__name__)

_LENGTH_MS: Final = 3_600_000
_STEP_MS: Final = 120_000
_OPTIONS: Final = QueryOptions(timeout_s=30.0)


class FleetTrendsDocument(TypedDict):
    """CPU usage in whole percent at `start_ms`, `start_ms + step_ms`, …, by instance."""

    start_ms: int
    step_ms: int
    hosts: dict[str, list[int | None]]


class TrendsApi:
    """The trends as JSON; all readers share one query per step."""

    def __init__(
        self, engine: QueryEngine, clock: Clock, host_checks: Callable[[], HostCheckSettings]
    ) -> None:
        self._engine, self._clock, self._host_checks = engine, clock, host_checks
        self._lock = asyncio.Lock()
        self._kept: FleetTrendsDocument | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("hosts", FleetTrendsDocument)
        path, surface = "/api/fleet/trends", Surface.JSON
        return (Route("GET", path, self.trends, Access.VIEWER, surface, operation=operation),)

    async def trends(self, request: web.Request) -> web.Response:
        """Return the CPU usage of every host in the last hour."""
        async with self._lock:
            end_ms = self._clock() // _STEP_MS * _STEP_MS
            start_ms = end_ms - _LENGTH_MS
            if self._kept is None or self._kept["start_ms"] != start_ms:
                self._kept = await self._read(start_ms, end_ms)
            return json_response(self._kept)

    async def _read(self, start_ms: int, end_ms: int) -> FleetTrendsDocument:
        window_ms = max(self._host_checks().cpu.window_ms, _STEP_MS)
        query = CpuUsage(window_ms, ("instance",)).used(100)
        hosts: dict[str, list[int | None]] = {}
        try:
            answer = await self._engine.range(query, start_ms, end_ms, _STEP_MS, _OPTIONS)
            if isinstance(answer.value, AlignedSeries):
                hosts = await asyncio.to_thread(_percentages, answer.value, start_ms, end_ms)
        except PromQLError as exc:
            # The page shows everything else.
            log.warning("trends_query_failed", error=str(exc))
        return {"start_ms": start_ms, "step_ms": _STEP_MS, "hosts": hosts}


def _percentages(series: AlignedSeries, start_ms: int, end_ms: int) -> dict[str, list[int | None]]:
    points = (end_ms - start_ms) // _STEP_MS + 1
    found: dict[str, list[int | None]] = {}
    for index, labels in enumerate(series.labels):
        # Absent samples are NaN.
        values, times_ms = series.values[index], series.times_ms[series.rows[index]]
        row: list[int | None] = [None] * points
        for column in np.flatnonzero(np.isfinite(values)):
            row[(times_ms[column] - start_ms) // _STEP_MS] = round(values[column])
        found[labels.get("instance")] = row
    return found
