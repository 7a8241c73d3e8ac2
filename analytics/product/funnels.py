"""Funnels over a project's events: how many persons take steps, how fast, and who does not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from analytics.errors import ReportError
from analytics.statistics.funnel import (
    FunnelOrder,
)
from analytics.statistics.proportion import Proportion
from storage.api.events import EventStep

MOST_STEPS: Final = 20
DEFAULT_WINDOW_MS: Final = 14 * 86_400_000


@dataclass(frozen=True, slots=True)
class ExcludedEvent:
    """An event that ends an attempt if it happens between two steps.

    Attributes:
        event: the event.
        after, before: the numbers of the steps, from 1 on.
    """

    event: EventStep
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """The steps of a funnel and its rules.

    Attributes:
        steps: the events of the steps.
        labels: the names of the steps, as they are shown.
        order: how the steps follow each other.
        window_ms: the longest time from the first step to the last.
        exclusions: events that end an attempt.
        breakdown: a property by whose first value persons are divided.
        most_values: the most values with figures of their own; all others are added up.
    """

    steps: tuple[EventStep, ...]
    labels: tuple[str, ...]
    order: FunnelOrder = FunnelOrder.ORDERED
    window_ms: int = DEFAULT_WINDOW_MS
    exclusions: tuple[ExcludedEvent, ...] = ()
    breakdown: str | None = None
    most_values: int = 10

    def require_valid(self) -> None:
        """Check that the question does not contradict itself.

        Raises:
            ReportError: it does.
        """
        count = len(self.steps)
        if not 1 <= count <= MOST_STEPS:
            raise ReportError(f"1 to {MOST_STEPS} are possible, not {count}", "steps")
        for index, one in enumerate(self.exclusions):
            if not 1 <= one.after < one.before <= count:
                raise ReportError(
                    f"must be before step `before`, and both from 1 to {count}",
                    f"exclusions[{index}].after",
                )
            if self.order is FunnelOrder.ANY and (one.after, one.before) != (1, count):
                raise ReportError(
                    "steps in any order have no place: leave out after and before, so that the"
                    " event is excluded between the first step that is taken and the last one",
                    f"exclusions[{index}].after",
                )


@dataclass(frozen=True, slots=True)
class TimeToConvert:
    """Times to convert; None without a person."""

    median_s: float | None
    mean_s: float | None


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step of a funnel; of one in any order, row i is about any i of its steps.

    Attributes:
        name: the name of the step.
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
class FunnelFigures:
    """The steps of all persons, or of those with one value of the breakdown's property.

    Attributes:
        value: the value; None for persons without one.
        is_other: whether these are the persons of all values that are not shown.
        steps: the steps.
        whole: the time from the first step to the last, of those who took all.
    """

    value: str | None
    is_other: bool
    steps: Sequence[FunnelStep]
    whole: TimeToConvert


@dataclass(frozen=True, slots=True)
class FunnelReport:
    """A funnel: all persons together, and by value. Each person is in one of the parts."""

    all: FunnelFigures
    parts: Sequence[FunnelFigures] = ()


class Outcome(StrEnum):
    """The outcome of a person at a step."""

    TOOK = "took"
    DROPPED = "dropped"
    """Took the step before, and can no longer take this one."""
    OPEN = "open"
    """Took the step before, and still can take this one."""


@dataclass(frozen=True, slots=True)
class PersonsAt:
    """The persons behind one number of a funnel.

    Attributes:
        step: the number of the step, from 1 on.
        outcome: what became of them there.
        value: a value of the breakdown's property; None for persons without one.
        by_value: whether only persons with this value are meant.
    """

    step: int
    outcome: Outcome = Outcome.TOOK
    value: str | None = None
    by_value: bool = False


@dataclass(frozen=True, slots=True)
class FunnelPerson:
    """A person in a funnel.

    Attributes:
        distinct_id: a distinct id of the person.
        times_ms: when the person took each step; as many as steps were taken.
    """

    distinct_id: str
    times_ms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FunnelPersons:
    """One page of the persons behind a number.

    Attributes:
        total: the number; all pages together have as many persons.
        persons: those of this page.
        next: the cursor of the next page, None after the last.
    """

    total: int
    persons: Sequence[FunnelPerson]
    next: str | None
