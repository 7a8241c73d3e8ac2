"""The reports over product events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analytics.projects import project_buckets
from analytics.statistics.calendar import Interval
from analytics.statistics.proportion import Proportion, wilson
from model.clock import Clock
from storage.api.event_store import EventReader
from storage.api.events import EventGroup, EventSelection, EventTotals
from storage.api.projects import Project


@dataclass(frozen=True, slots=True)
class TimeSeriesPoint:
    """One bucket of a time series.

    Attributes:
        label: the local start of the bucket.
        start_ms, end_ms: its edges.
        events, persons: the counts.
        is_complete: whether the bucket has ended.
    """

    label: str
    start_ms: int
    end_ms: int
    events: int
    persons: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Conversion:
    """How many of a project's persons had an event.

    Attributes:
        persons: the persons with any event in the range.
        converted: those of them with the event.
        events: how often it happened.
        rate: the share.
    """

    persons: int
    converted: int
    events: int
    rate: Proportion


class ProductReports:
    """Answers the reports of all projects."""

    def __init__(self, events: EventReader, clock: Clock) -> None:
        self._events, self._clock = events, clock

    async def overview(self, selection: EventSelection) -> EventTotals:
        """Count events, persons and names."""
        return await self._events.totals(selection)

    async def top_events(self, selection: EventSelection, limit: int) -> Sequence[EventGroup]:
        """Return the most frequent events."""
        return await self._events.groups(selection, limit)

    async def time_series(
        self,
        project: Project,
        selection: EventSelection,
        interval: Interval,
        time_zone: str | None = None,
    ) -> Sequence[TimeSeriesPoint]:
        """Count by time, in the project's zone unless another one is given.

        Raises:
            ReportError: the zone is unknown, or there are too many buckets.
        """
        span = selection.start_ms, selection.end_ms
        parts = await project_buckets(project, *span, interval, time_zone)
        counted = await self._events.series(selection, parts.edges_ms)
        now_ms = self._clock()
        edges = parts.edges_ms.tolist()
        return [
            TimeSeriesPoint(label, start, end, events, persons, is_complete=end <= now_ms)
            for label, start, end, events, persons in zip(
                parts.labels,
                edges,
                edges[1:],
                counted.events.tolist(),
                counted.persons.tolist(),
                strict=False,
            )
        ]

    async def conversion(self, selection: EventSelection, name: str) -> Conversion:
        """Return the share of the range's persons who had an event."""
        everyone = await self._events.totals(selection)
        with_event = await self._events.totals(replace(selection, names=(name,)))
        return Conversion(
            everyone.persons,
            with_event.persons,
            with_event.events,
            wilson(with_event.persons, everyone.persons),
        )
