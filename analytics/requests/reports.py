"""The reports over tracked requests."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.projects import project_buckets
from analytics.statistics.calendar import Buckets, Interval
from analytics.statistics.proportion import Proportion, wilson
from model.clock import Clock
from storage.api.projects import Project
from storage.api.requests import (
    ConsumerFigures,
    LatencyCounts,
    PropertyFigures,
    RequestProperty,
    RequestReader,
    RequestSelection,
    RequestSeries,
    RequestSummary,
    RouteFigures,
    RouteOrder,
    StoredRequest,
)

QUANTILES: Final = (0.5, 0.75, 0.95, 0.99)
DEFAULT_APDEX_MS: Final = 500
MOST_COLUMNS: Final = 1000
"""Of a heat map: each has up to 300 bins."""
_DEFAULT_RANGE_MS: Final = 86_400_000
_CLOCK_TOLERANCE_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a range.

    Attributes:
        figures: the counts and durations.
        error_rate: the share of statuses from 400 on.
        client_error_rate, server_error_rate: the shares of 4xx and of 5xx.
        apdex: satisfied and half of the tolerating requests; None without a request.
        per_minute: requests a minute.

    Source of `apdex`: Apdex Alliance, "Application Performance Index", technical
    specification 1.1.
    """

    figures: RequestSummary
    error_rate: Proportion
    client_error_rate: Proportion
    server_error_rate: Proportion
    apdex: float | None
    per_minute: float


class RequestReports:
    """Answers the reports of all projects."""

    def __init__(self, requests: RequestReader, clock: Clock) -> None:
        self._requests, self._clock = requests, clock

    def range_ms(self, start_ms: int | None, end_ms: int | None) -> tuple[int, int]:
        """Return a range: by default the last day, until now.

        Raises:
            ReportError: it is empty.
        """
        end_ms = self._clock() + _CLOCK_TOLERANCE_MS if end_ms is None else end_ms
        start_ms = end_ms - _DEFAULT_RANGE_MS if start_ms is None else start_ms
        if end_ms <= start_ms:
            raise ReportError("must be after from", "to")
        return start_ms, end_ms

    def before(self, selection: RequestSelection) -> RequestSelection:
        """Return the equally long range before; an equal part of it if the range is not over."""
        length = selection.end_ms - selection.start_ms
        reached = min(selection.end_ms, max(self._clock(), selection.start_ms + 1))
        return replace(selection, start_ms=selection.start_ms - length, end_ms=reached - length)

    async def summary(self, selection: RequestSelection, apdex_ms: int) -> Summary:
        """Return the figures of a range.

        Args:
            selection: the requests.
            apdex_ms: the duration up to which users are satisfied.
        """
        found = await self._requests.summary(selection, QUANTILES, apdex_ms * 1000)
        minutes = (min(selection.end_ms, self._clock()) - selection.start_ms) / 60_000
        rates = (
            wilson(found.client_errors + found.server_errors, found.requests),
            wilson(found.client_errors, found.requests),
            wilson(found.server_errors, found.requests),
        )
        if not found.requests:
            return Summary(found, *rates, None, 0.0)
        satisfied = found.satisfied + found.tolerating / 2
        return Summary(
            found,
            *rates,
            satisfied / found.requests,
            found.requests / minutes if minutes > 0 else float(found.requests),
        )

    async def time_series(
        self,
        project: Project,
        selection: RequestSelection,
        interval: Interval,
        time_zone: str | None,
    ) -> tuple[Buckets, RequestSeries]:
        """Return the figures by time, in the project's zone unless another one is given.

        Raises:
            ReportError: the zone is unknown, or there are too many buckets.
        """
        span = selection.start_ms, selection.end_ms
        parts = await project_buckets(project, *span, interval, time_zone)
        return parts, await self.series(selection, parts.edges_ms)

    async def series(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> RequestSeries:
        """Return the figures between edges, shape (N + 1,)."""
        return await self._requests.request_series(selection, edges_ms)

    async def latency(
        self,
        project: Project,
        selection: RequestSelection,
        interval: Interval,
        time_zone: str | None,
    ) -> tuple[Buckets, LatencyCounts]:
        """Return counts by time and duration, in the project's zone unless another is given.

        Raises:
            ReportError: the zone is unknown, or there are too many buckets.
        """
        span = selection.start_ms, selection.end_ms
        parts = await project_buckets(project, *span, interval, time_zone)
        if len(parts.labels) > MOST_COLUMNS:
            raise ReportError(
                f"more than {MOST_COLUMNS} buckets; choose a longer interval or a shorter range",
                "interval",
            )
        return parts, await self.latency_counts(selection, parts.edges_ms)

    async def latency_counts(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> LatencyCounts:
        """Return counts by time, between edges, and by duration."""
        return await self._requests.latency_counts(selection, edges_ms)

    async def by_property(
        self, selection: RequestSelection, name: RequestProperty, limit: int
    ) -> Sequence[PropertyFigures]:
        """Return the figures of each status, method or version."""
        return await self._requests.by_property(selection, name, limit)

    async def routes(
        self, selection: RequestSelection, order: RouteOrder, limit: int
    ) -> Sequence[RouteFigures]:
        """Return routes with their figures."""
        return await self._requests.routes(selection, order, limit)

    async def consumers(self, selection: RequestSelection, limit: int) -> Sequence[ConsumerFigures]:
        """Return the consumers with most requests."""
        return await self._requests.consumers(selection, limit)

    async def log(
        self, selection: RequestSelection, limit: int, before: tuple[int, int] | None
    ) -> Sequence[StoredRequest]:
        """Return requests, the newest first."""
        return await self._requests.latest_requests(selection, limit, before)
