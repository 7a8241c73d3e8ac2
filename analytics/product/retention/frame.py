"""The cohorts and periods of a question about retention, in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.product.retention.answers import (
    MOST_PERIODS,
    RetentionPeriods,
    RetentionQuestion,
    RetentionStarts,
)
from analytics.statistics.calendar import Buckets, Interval, buckets, zone_of
from analytics.statistics.retention import RetentionGrid
from storage.api.events import EventSelection
from storage.api.projects import Project

MOST_BUCKETS: Final = 750
_HOUR_MS: Final = 3_600_000
_LONGEST_MS: Final = {
    Interval.HOUR: 2 * _HOUR_MS,
    Interval.DAY: 25 * _HOUR_MS,
    Interval.WEEK: 170 * _HOUR_MS,
    Interval.MONTH: 31 * 25 * _HOUR_MS,
}
_ELAPSED_MS: Final = {
    Interval.HOUR: _HOUR_MS,
    Interval.DAY: 24 * _HOUR_MS,
    Interval.WEEK: 7 * 24 * _HOUR_MS,
}
_RANK: Final = {Interval.HOUR: 0, Interval.DAY: 1, Interval.WEEK: 2, Interval.MONTH: 3}


@dataclass(frozen=True, slots=True)
class RetentionFrame:
    """Cohorts and periods in time.

    Attributes:
        cohorts: the cohorts.
        edges_ms: the edges of the buckets, each as long as a period.
        grid: the cohort of each bucket.
        firsts, lasts: the first and the last bucket of each cohort.
        now_ms: the present.
        period_ms: the length of a period for elapsed time, None for a calendar.
        zone: the zone of the dates.
    """

    cohorts: Buckets
    edges_ms: NDArray[np.int64]
    grid: RetentionGrid
    firsts: Sequence[int]
    lasts: Sequence[int]
    now_ms: int
    period_ms: int | None
    zone: ZoneInfo

    def has_begun(self, cohort: int, period: int) -> bool:
        """Return whether the period has begun for anybody of the cohort."""
        if self.period_ms is None:
            return bool(self.edges_ms[self.firsts[cohort] + period] < self.now_ms)
        start_ms = int(self.cohorts.edges_ms[cohort])
        return start_ms + period * self.period_ms < self.now_ms

    def is_over(self, cohort: int, period: int) -> bool:
        """Return whether the period is over for everybody of the cohort."""
        if self.period_ms is None:
            return bool(self.edges_ms[self.lasts[cohort] + period + 1] <= self.now_ms)
        end_ms = int(self.cohorts.edges_ms[cohort + 1])
        return end_ms + (period + 1) * self.period_ms <= self.now_ms


def frame_of(
    project: Project, selection: EventSelection, question: RetentionQuestion, now_ms: int
) -> RetentionFrame:
    """Return the cohorts that a selection touches; reads the file of the zone.

    Raises:
        ReportError: the question has no answer; its field is named.
    """
    period = question.period or question.cohort
    _check(question, period)
    name = question.time_zone or project.settings.time_zone
    zone, week_start = zone_of(name), project.settings.week_start
    cohorts = buckets(selection.start_ms, selection.end_ms, question.cohort, zone, week_start)
    first_ms, end_ms = int(cohorts.edges_ms[0]), int(cohorts.edges_ms[-1])
    inside = len(buckets(first_ms, end_ms, period, zone, week_start).labels)
    if inside + question.periods > MOST_BUCKETS:
        raise ReportError(
            f"cohorts and periods span more than {MOST_BUCKETS} {period}s;"
            " choose a shorter range, longer cohorts or fewer periods",
            "from",
        )
    reach_ms = end_ms + (question.periods + 1) * _LONGEST_MS[period]
    parts = buckets(first_ms, reach_ms, period, zone, week_start)
    edges = parts.edges_ms[: inside + question.periods + 1]
    if question.is_unbounded:
        # One more bucket, of all that follows.
        edges = np.append(edges, max(int(edges[-1]), now_ms) + _HOUR_MS)
    cohort_of = np.searchsorted(cohorts.edges_ms, edges[:-1], side="right") - 1
    cohort_of[cohort_of >= len(cohorts.labels)] = -1
    grid = RetentionGrid(
        cohort_of,
        question.periods,
        question.is_unbounded,
        question.starts is RetentionStarts.FIRST_EVER,
    )
    numbers = np.arange(len(cohorts.labels))
    return RetentionFrame(
        cohorts,
        edges,
        grid,
        np.searchsorted(cohort_of[:inside], numbers).tolist(),
        (np.searchsorted(cohort_of[:inside], numbers, side="right") - 1).tolist(),
        now_ms,
        _ELAPSED_MS[period] if question.kind is RetentionPeriods.ELAPSED else None,
        zone,
    )


def _check(question: RetentionQuestion, period: Interval) -> None:
    """Raise an error for a question that has no answer."""
    for field, interval in (("cohort", question.cohort), ("period", period)):
        if interval not in _RANK:
            raise ReportError("must be hour, day, week or month", field)
    if _RANK[period] > _RANK[question.cohort]:
        raise ReportError("must not be longer than a cohort", "period")
    if (question.cohort, period) == (Interval.MONTH, Interval.WEEK):
        raise ReportError("weeks do not add up to months; choose day or month", "period")
    if not 1 <= question.periods <= MOST_PERIODS:
        raise ReportError(f"must be from 1 to {MOST_PERIODS}", "periods")
    if question.kind is RetentionPeriods.ELAPSED and period not in _ELAPSED_MS:
        raise ReportError(
            "months have different lengths; choose day or week, or calendar periods", "period"
        )
