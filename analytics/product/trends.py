"""Trends: measures of several events in time, beside each other and beside the period before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from analytics.errors import ReportError
from analytics.projects import load_zone
from analytics.statistics.calendar import Buckets, Interval, buckets
from analytics.statistics.previous_period import previous_period
from model.clock import Clock
from storage.api.event_store import EventReader
from storage.api.events import EventSelection, EventStep
from storage.api.projects import Project
from storage.api.reports.measures import Breakdown, EventMeasure, MeasuredSeries

MOST_POINTS: Final = 200_000
"""Buckets times series of one report."""


@dataclass(frozen=True, slots=True)
class TrendEvent:
    """An event, and what is measured of it.

    Attributes:
        event: the event.
        label: the name of its series.
        measure: what is measured.
        property: the numeric property that is measured, for measures of properties.
    """

    event: EventStep
    label: str
    measure: EventMeasure = EventMeasure.EVENTS
    property: str | None = None


@dataclass(frozen=True, slots=True)
class TrendsQuestion:
    """The question of a trend report.

    Attributes:
        events: the events.
        interval: the length of a bucket.
        time_zone: the zone of dates and hours; None for the project's.
        breakdown: a property by whose values each event's series is divided.
        most_values: the most values with a series of their own; all others share one.
        compare: whether the period before is measured too.
    """

    events: tuple[TrendEvent, ...]
    interval: Interval = Interval.DAY
    time_zone: str | None = None
    breakdown: str | None = None
    most_values: int = 10
    compare: bool = False

    def require_valid(self) -> None:
        """Check that the question says what each measure is of.

        Raises:
            ReportError: a property is missing.
        """
        for index, event in enumerate(self.events):
            if event.measure.needs_property and event.property is None:
                raise ReportError(
                    f"is missing; {event.measure} needs one", f"events[{index}].property"
                )


@dataclass(frozen=True, slots=True)
class TrendPeriod:
    """A range in buckets.

    Attributes:
        start_ms, end_ms: the range.
        labels: shape (N,), the local start of each bucket.
        edges_ms: shape (N + 1,), the edges of the buckets; the first and the last bucket
            may reach beyond the range.
        is_complete: shape (N,), whether each bucket has ended.
    """

    start_ms: int
    end_ms: int
    labels: tuple[str, ...]
    edges_ms: tuple[int, ...]
    is_complete: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class TrendValues:
    """The measures of a period: by bucket, and of the whole; None where nothing is measured.

    The total is not the sum of the buckets for measures such as persons or a median.
    """

    values: tuple[float | None, ...]
    total: float | None


@dataclass(frozen=True, slots=True)
class TrendSeries:
    """One line.

    Attributes:
        event: what is measured.
        value: the value of the breakdown's property; None for events without it.
        is_other: whether the line stands for all values that have none of their own.
        current: the range's measures.
        previous: those of the period before, by the same bucket; None unless compared.
    """

    event: TrendEvent
    value: str | None
    is_other: bool
    current: TrendValues
    previous: TrendValues | None = None


@dataclass(frozen=True, slots=True)
class TrendsReport:
    """Measures in time.

    Attributes:
        current: the range.
        previous: the equally long period before, None unless compared.
        series: the lines, by event and then by value.
    """

    current: TrendPeriod
    previous: TrendPeriod | None
    series: Sequence[TrendSeries]


class TrendReports:
    """Answers trends."""

    def __init__(self, events: EventReader, clock: Clock) -> None:
        self._events, self._clock = events, clock

    async def report(
        self, project: Project, selection: EventSelection, question: TrendsQuestion
    ) -> TrendsReport:
        """Measure events in time.

        Raises:
            ReportError: the zone is unknown, a property is missing, or there are too many
                buckets.
        """
        question.require_valid()
        zone = await load_zone(question.time_zone or project.settings.time_zone)
        week_start, interval = project.settings.week_start, question.interval
        parts = buckets(selection.start_ms, selection.end_ms, interval, zone, week_start)
        _require_size(question, len(parts.labels))
        before, earlier = None, None
        if question.compare:
            span = previous_period(selection.start_ms, selection.end_ms, interval, zone)
            earlier = replace(selection, start_ms=span[0], end_ms=span[1])
            before = buckets(*span, interval, zone, week_start)
        series: list[TrendSeries] = []
        for event in question.events:
            series += await self._series(question, event, selection, parts, earlier, before)
        return TrendsReport(
            self._period(selection, parts),
            None if earlier is None or before is None else self._period(earlier, before),
            series,
        )

    async def _series(
        self,
        question: TrendsQuestion,
        event: TrendEvent,
        selection: EventSelection,
        parts: Buckets,
        earlier: EventSelection | None,
        before: Buckets | None,
    ) -> list[TrendSeries]:
        selected = selection.of(event.event)
        breakdown = None
        if question.breakdown is not None:
            groups = await self._events.groups(selected, question.most_values, question.breakdown)
            breakdown = Breakdown(question.breakdown, tuple(group.value for group in groups))
        current = await self._measured(event, selected, parts, breakdown)
        previous: Sequence[MeasuredSeries] = ()
        if earlier is not None and before is not None:
            previous = await self._measured(event, earlier.of(event.event), before, breakdown)
        length = len(parts.labels)
        found = []
        for key, one in _by_value(current).items():
            same = _by_value(previous).get(key)
            compared = None
            if before is not None:
                compared = TrendValues((None,) * length, None)
                if same is not None:
                    compared = _values(same, length)
            found.append(
                TrendSeries(event, one.value, one.is_other, _values(one, length), compared)
            )
        return found

    async def _measured(
        self,
        event: TrendEvent,
        selection: EventSelection,
        parts: Buckets,
        breakdown: Breakdown | None,
    ) -> Sequence[MeasuredSeries]:
        if breakdown is None and not event.measure.needs_property:
            return [await self._counted(event, selection, parts)]
        return await self._events.measured(
            selection, parts.edges_ms, event.measure, event.property, breakdown
        )

    async def _counted(
        self, event: TrendEvent, selection: EventSelection, parts: Buckets
    ) -> MeasuredSeries:
        """Return a series of counts, for which the store has a faster query."""
        series = await self._events.series(selection, parts.edges_ms)
        whole = await self._events.totals(selection)
        events = np.append(series.events, whole.events).astype(np.float64)
        persons = np.append(series.persons, whole.persons).astype(np.float64)
        if event.measure is EventMeasure.EVENTS:
            found = events
        elif event.measure is EventMeasure.PERSONS:
            found = persons
        else:
            found = np.divide(events, persons, out=np.full_like(events, np.nan), where=persons > 0)
        return MeasuredSeries(None, is_other=False, values=found[:-1], total=float(found[-1]))

    def _period(self, selection: EventSelection, parts: Buckets) -> TrendPeriod:
        edges, now_ms = parts.edges_ms.tolist(), self._clock()
        return TrendPeriod(
            selection.start_ms,
            selection.end_ms,
            parts.labels,
            tuple(edges),
            tuple(end <= now_ms for end in edges[1:]),
        )


def _require_size(question: TrendsQuestion, length: int) -> None:
    lines = len(question.events)
    if question.breakdown is not None:
        lines *= question.most_values + 1
    if lines * length > MOST_POINTS:
        raise ReportError(
            f"{lines} lines of {length} buckets are more than {MOST_POINTS} points; choose a"
            " longer interval, a shorter range or fewer values",
            "interval",
        )


def _by_value(
    series: Sequence[MeasuredSeries],
) -> dict[tuple[str | None, bool], MeasuredSeries]:
    return {(one.value, one.is_other): one for one in series}


def _values(series: MeasuredSeries, length: int) -> TrendValues:
    """Return the values of the first `length` buckets; missing ones are None."""
    values = [None if np.isnan(value) else value for value in series.values.tolist()]
    missing = [None] * (length - len(values))
    total = None if np.isnan(series.total) else series.total
    return TrendValues((*values, *missing)[:length], total)
