"""The reports over product events."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analytics.errors import ReportError
from analytics.statistics.calendar import Interval, buckets, zone_of
from analytics.statistics.funnel import ordered_paths
from analytics.statistics.proportion import Proportion, wilson
from model.clock import Clock
from storage.api.events import (
    EventGroup,
    EventReader,
    EventSelection,
    EventStep,
    EventTotals,
)
from storage.api.projects import Project

MOST_STEPS = 20
_DAY_MS = 86_400_000
DEFAULT_WINDOW_MS = 14 * _DAY_MS
DEFAULT_RANGE_MS = 30 * _DAY_MS


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
class FunnelStep:
    """One step of a funnel.

    Attributes:
        name: the name of its event.
        persons: who took it.
        of_first: their share of those who took the first step.
        of_previous: their share of those who took the step before.
        dropped: who took the step before but not this one, and can no longer.
        open: who took the step before and still can take this one.
        median_s, mean_s: time from the step before; None for the first step or nobody.
    """

    name: str
    persons: int
    of_first: Proportion
    of_previous: Proportion
    dropped: int
    open: int
    median_s: float | None
    mean_s: float | None


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

    def selection(
        self, project: Project, start_ms: int | None, end_ms: int | None
    ) -> EventSelection:
        """Return the events of a range: by default the last thirty days, until now.

        Raises:
            ReportError: the range is empty.
        """
        # The tolerance for clocks that are ahead: such events belong to "now".
        end_ms = self._clock() + 600_000 if end_ms is None else end_ms
        start_ms = end_ms - DEFAULT_RANGE_MS if start_ms is None else start_ms
        if end_ms <= start_ms:
            raise ReportError("must be after from", "to")
        return EventSelection(project.id, start_ms, end_ms)

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
        zone = zone_of(time_zone or project.settings.time_zone)
        parts = buckets(
            selection.start_ms, selection.end_ms, interval, zone, project.settings.week_start
        )
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

    async def funnel(
        self, selection: EventSelection, steps: Sequence[str], window_ms: int = DEFAULT_WINDOW_MS
    ) -> Sequence[FunnelStep]:
        """Return how far persons get through steps in this order.

        The first step must lie in the range; the others may follow after its end, within
        the window.

        Raises:
            ReportError: there are no steps, or too many.
        """
        if not 1 <= len(steps) <= MOST_STEPS:
            raise ReportError(f"1 to {MOST_STEPS} are possible, not {len(steps)}", "steps")
        reach = replace(selection, end_ms=selection.end_ms + window_ms, names=tuple(set(steps)))
        found = await self._events.occurrences(reach, [EventStep(name) for name in steps])
        late = found.times_ms >= selection.end_ms
        begins = np.where(late, found.steps & ~np.uint64(1), found.steps)
        paths = ordered_paths(replace(found, steps=begins), len(steps), window_ms)
        reached = paths.reached(len(steps)).tolist()
        still_open = paths.still_open(len(steps), window_ms, self._clock()).tolist()
        answer = []
        for index, name in enumerate(steps):
            before = reached[index - 1] if index else reached[0]
            waiting = still_open[index - 1] if index else 0
            taken = paths.times_ms[paths.depths > index]
            took_s = (taken[:, index] - taken[:, index - 1]) / 1000 if index else taken[:0, 0]
            answer.append(
                FunnelStep(
                    name,
                    reached[index],
                    wilson(reached[index], reached[0]),
                    wilson(reached[index], before),
                    before - reached[index] - waiting,
                    waiting,
                    float(np.median(took_s)) if len(took_s) else None,
                    float(np.mean(took_s)) if len(took_s) else None,
                )
            )
        return answer

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
