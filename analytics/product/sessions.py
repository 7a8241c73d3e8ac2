"""The report over visits: how many, when, how long, where they begin and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from analytics.projects import load_zone
from analytics.statistics.calendar import Buckets, Interval, buckets
from analytics.statistics.date_ranges import fitting_interval
from analytics.statistics.previous_period import previous_period
from analytics.statistics.proportion import Proportion, wilson
from model.clock import Clock
from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionCounter, ExclusionReason
from storage.api.visits.sessions import SessionFigures, SessionReader

_DAY_MS: Final = 86_400_000


class VisitReader(SessionReader, ExclusionCounter, Protocol):
    """Finds sessions, and counts the events that are excluded."""


@dataclass(frozen=True, slots=True)
class SessionsQuestion:
    """The question of the report.

    Attributes:
        limit: the most pages and sources that are listed.
        interval: the length of a bucket of the series; None for one that fits the range.
        time_zone: the zone of dates and hours; None for the project's.
        compare: whether the sessions of the period before are counted too.
    """

    limit: int = 10
    interval: Interval | None = None
    time_zone: str | None = None
    compare: bool = False


@dataclass(frozen=True, slots=True)
class SessionPoint:
    """The sessions that began in one bucket.

    Attributes:
        label: the local start of the bucket.
        start_ms, end_ms: its edges.
        sessions, persons, bounces: the counts.
        bounce_rate: the share of sessions with a single activity.
        is_complete: whether the bucket and all of its sessions have ended.
    """

    label: str
    start_ms: int
    end_ms: int
    sessions: int
    persons: int
    bounces: int
    bounce_rate: Proportion
    is_complete: bool


@dataclass(frozen=True, slots=True)
class SessionPeriod:
    """The sessions that began in a range.

    Attributes:
        start_ms, end_ms: the range.
        figures: their figures.
        bounce_rate: the share of those with a single activity.
        is_complete: whether all of them have ended.
        points: their series.
    """

    start_ms: int
    end_ms: int
    figures: SessionFigures
    bounce_rate: Proportion
    is_complete: bool
    points: Sequence[SessionPoint]


@dataclass(frozen=True, slots=True)
class SessionReport:
    """The sessions of a range, and those of the period before.

    Attributes:
        current: the range.
        previous: the equally long period before, None unless compared.
        interval: the length of the buckets.
        time_zone: their zone.
        idle_s: the pause that ends a session.
        excluded: events in the hours of the range that were not stored, by reason.
    """

    current: SessionPeriod
    previous: SessionPeriod | None
    interval: Interval
    time_zone: str
    idle_s: int
    excluded: Mapping[ExclusionReason, int]


class SessionReports:
    """Answers the report for all projects."""

    def __init__(self, events: VisitReader, clock: Clock) -> None:
        self._events, self._clock = events, clock

    async def report(
        self, project: Project, selection: EventSelection, question: SessionsQuestion
    ) -> SessionReport:
        """Return the sessions that began in the range of a selection.

        A session goes on after the end of the range as long as it does not pause.

        Raises:
            ReportError: the zone is unknown, or there are too many buckets.
        """
        zone_name = question.time_zone or project.settings.time_zone
        zone, week_start = await load_zone(zone_name), project.settings.week_start
        span = selection.start_ms, selection.end_ms
        interval = question.interval or fitting_interval((span[1] - span[0]) / _DAY_MS)
        parts = buckets(*span, interval, zone, week_start)
        idle_s, previous = project.settings.session_idle_s, None
        if question.compare:
            before = previous_period(*span, interval, zone)
            earlier = replace(selection, start_ms=before[0], end_ms=before[1])
            earlier_parts = buckets(*before, interval, zone, week_start)
            # The pages and sources of the period before are not listed.
            previous = await self._period(idle_s, earlier, earlier_parts, 1)
        return SessionReport(
            await self._period(idle_s, selection, parts, question.limit),
            previous,
            interval,
            zone_name,
            idle_s,
            await self._events.excluded(project.id, *span),
        )

    async def _period(
        self, idle_s: int, selection: EventSelection, parts: Buckets, limit: int
    ) -> SessionPeriod:
        idle_ms, now_ms = idle_s * 1000, self._clock()
        last_ms = max(now_ms + FUTURE_TOLERANCE_MS, selection.end_ms)
        until_ms = min(selection.end_ms + _DAY_MS, last_ms)
        while True:
            found = await self._events.sessions(selection, idle_ms, until_ms, limit, parts.edges_ms)
            end_ms = (found.last_ms or selection.start_ms) + idle_ms
            if end_ms < until_ms or until_ms == last_ms:
                break
            # A session of more than a day: usually a program, so that this is rare.
            until_ms = min(2 * until_ms - selection.end_ms, last_ms)
        return SessionPeriod(
            selection.start_ms,
            selection.end_ms,
            found,
            wilson(found.bounces, found.sessions),
            found.last_ms is None or end_ms < now_ms,
            _points(parts, found, now_ms, idle_ms),
        )


def _points(
    parts: Buckets, figures: SessionFigures, now_ms: int, idle_ms: int
) -> list[SessionPoint]:
    series, edges = figures.series, parts.edges_ms.tolist()
    if series is None:
        return []
    return [
        SessionPoint(
            label,
            start_ms,
            end_ms,
            sessions,
            persons,
            bounces,
            wilson(bounces, sessions),
            is_complete=end_ms <= now_ms and last_ms + idle_ms < now_ms,
        )
        for label, start_ms, end_ms, sessions, persons, bounces, last_ms in zip(
            parts.labels,
            edges,
            edges[1:],
            series.sessions.tolist(),
            series.persons.tolist(),
            series.bounces.tolist(),
            series.last_ms.tolist(),
            strict=False,
        )
    ]
