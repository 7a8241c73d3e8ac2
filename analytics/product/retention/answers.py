"""The questions about retention, and their answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from analytics.statistics.calendar import Interval
from analytics.statistics.proportion import Proportion
from storage.api.events import EventStep

ANY_EVENT: Final = EventStep(None)
MOST_PERIODS: Final = 120


class RetentionStarts(StrEnum):
    """The start events that put a person into a cohort."""

    FIRST_EVER = "first_ever"
    """The first one of all time: each person is in one cohort at most."""
    RECURRING = "recurring"
    """The first one of each cohort: a person may be in every cohort."""


class RetentionPeriods(StrEnum):
    """The kind of periods."""

    CALENDAR = "calendar"
    """A stretch of local dates: day 1 is the date after the start's."""
    ELAPSED = "elapsed"
    """A length of time from the person's own start: day 1 is from 24 to 48 hours after."""


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """A question about retention.

    Attributes:
        start: the event that puts a person into a cohort.
        back: the event that counts as a return.
        cohort: the length of a cohort.
        period: the length of a period; None for that of a cohort.
        periods: the last period; period 0 is that of the start.
        starts: which start events count.
        kind: what a period is.
        is_unbounded: whether a person who comes back later counts in the earlier periods too.
        time_zone: the zone of the dates; None for the project's.
    """

    start: EventStep
    back: EventStep = ANY_EVENT
    cohort: Interval = Interval.WEEK
    period: Interval | None = None
    periods: int = 8
    starts: RetentionStarts = RetentionStarts.FIRST_EVER
    kind: RetentionPeriods = RetentionPeriods.CALENDAR
    is_unbounded: bool = False
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class RetentionCell:
    """The returns of a cohort in one period.

    Attributes:
        period: 0 for the period of the start.
        size: the persons whose returns are counted.
        persons: those of them who came back.
        rate: their share.
        is_complete: whether the period is over for every person of the cohort. In an
            unbounded report later returns still raise the number of a complete cell.
    """

    period: int
    size: int
    persons: int
    rate: Proportion
    is_complete: bool


@dataclass(frozen=True, slots=True)
class RetentionCohort:
    """The persons who start in one stretch of time.

    Attributes:
        label: the local date or hour of its start.
        start_ms, end_ms: its edges.
        size: its persons.
        is_complete: whether it is over.
        cells: the periods that have begun, from period 0 on.
    """

    label: str
    start_ms: int
    end_ms: int
    size: int
    is_complete: bool
    cells: Sequence[RetentionCell]


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """The answer.

    Attributes:
        cohorts: oldest first.
        overall: by period, all complete cells together. With recurring starts a person counts
            in several cohorts, so that these rates have no interval.
        time_zone: the zone of the dates.
    """

    cohorts: Sequence[RetentionCohort]
    overall: Sequence[RetentionCell]
    time_zone: str
