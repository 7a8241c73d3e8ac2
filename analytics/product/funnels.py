"""Funnels over a project's events: how many persons take steps, how fast, and who does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.statistics.funnel import (
    Exclusion,
    FunnelOrder,
    FunnelPaths,
    FunnelRules,
    ordered_paths,
    strict_paths,
)
from analytics.statistics.proportion import Proportion, wilson
from analytics.statistics.unordered_funnel import unordered_paths
from model.clock import Clock
from storage.api.events import EventReader, EventSelection, EventStep

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
        exclusions: events that end an attempt; only of an ordered funnel.
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
    """What became of a person at a step."""

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


class FunnelReports:
    """Answers funnels."""

    def __init__(self, events: EventReader, clock: Clock) -> None:
        self._events, self._clock = events, clock

    async def report(self, selection: EventSelection, question: FunnelQuestion) -> FunnelReport:
        """Return how far persons get.

        The first step must lie in the range; the others may follow after its end, within
        the window.

        Raises:
            ReportError: the question contradicts itself.
        """
        rules, paths = await self._paths(selection, question)
        is_open = paths.is_open(rules, self._clock())
        figures = _figures(question, rules, paths, is_open, np.ones(len(paths.depths), np.bool_))
        if question.breakdown is None:
            return FunnelReport(figures)
        values = await self._values(selection, question, paths)
        shown = _largest(values, question.most_values)
        parts = []
        for value in shown:
            own = np.array([each == value for each in values], np.bool_)
            parts.append(replace(_figures(question, rules, paths, is_open, own), value=value))
        kept = set(shown)
        others = np.array([each not in kept for each in values], np.bool_)
        if others.any():
            rest = _figures(question, rules, paths, is_open, others)
            parts.append(replace(rest, is_other=True))
        return FunnelReport(figures, parts)

    async def persons(
        self,
        selection: EventSelection,
        question: FunnelQuestion,
        asked: PersonsAt,
        limit: int = 100,
        after: str | None = None,
    ) -> FunnelPersons:
        """Return the persons behind a number of the report, page by page.

        Args:
            selection: the events.
            question: the funnel.
            asked: which number.
            limit: the most persons of the page.
            after: the cursor of the page.

        Raises:
            ReportError: the funnel has no such step, or the cursor is invalid.
        """
        if not 1 <= asked.step <= len(question.steps):
            raise ReportError(f"must be from 1 to {len(question.steps)}", "step")
        rules, paths = await self._paths(selection, question)
        chosen = _chosen(asked, paths, paths.is_open(rules, self._clock()))
        if asked.by_value:
            values = await self._values(selection, question, paths)
            chosen &= np.array([each == asked.value for each in values], np.bool_)
        rows = np.flatnonzero(chosen)
        begin = 0
        if after is not None:
            begin = int(np.searchsorted(paths.persons[rows], _cursor(after), side="right"))
        page = rows[begin : begin + limit]
        numbers = paths.persons[page].tolist()
        names = await self._events.persons_named(selection.project, numbers)
        return FunnelPersons(
            len(rows),
            [
                FunnelPerson(names[number], tuple(times[:depth]))
                for number, times, depth in zip(
                    numbers, paths.times_ms[page].tolist(), paths.depths[page], strict=True
                )
            ],
            f"{numbers[-1]:x}" if begin + limit < len(rows) else None,
        )

    async def _paths(
        self, selection: EventSelection, question: FunnelQuestion
    ) -> tuple[FunnelRules, FunnelPaths]:
        rules = _rules(selection, question)
        asked = [*question.steps, *(one.event for one in question.exclusions)]
        if question.order is FunnelOrder.STRICT:
            # Every event counts: one that is no step comes between.
            asked.append(EventStep(None))
        reach = _reach(selection, question.window_ms, asked)
        events = await self._events.occurrences(reach, asked)
        kernel = _KERNELS[question.order]
        return rules, kernel(events, rules)

    async def _values(
        self, selection: EventSelection, question: FunnelQuestion, paths: FunnelPaths
    ) -> list[str | None]:
        """Return the first value of each person's breakdown property."""
        if question.breakdown is None:
            raise ReportError("is missing", "breakdown")
        reach = _reach(selection, question.window_ms, question.steps)
        first = await self._events.first_values(reach, question.steps, question.breakdown)
        by_person: Mapping[int, str] = dict(zip(first.persons.tolist(), first.values, strict=True))
        return [by_person.get(person) for person in paths.persons.tolist()]


_KERNELS: Final = {
    FunnelOrder.ORDERED: ordered_paths,
    FunnelOrder.STRICT: strict_paths,
    FunnelOrder.ANY: unordered_paths,
}


def _rules(selection: EventSelection, question: FunnelQuestion) -> FunnelRules:
    count = len(question.steps)
    if not 1 <= count <= MOST_STEPS:
        raise ReportError(f"1 to {MOST_STEPS} are possible, not {count}", "steps")
    if question.exclusions and question.order is not FunnelOrder.ORDERED:
        raise ReportError("only an ordered funnel has exclusions", "exclusions")
    for index, one in enumerate(question.exclusions):
        if not 1 <= one.after < one.before <= count:
            raise ReportError(
                f"must be before step `before`, and both from 1 to {count}",
                f"exclusions[{index}].after",
            )
    exclusions = tuple(
        Exclusion(count + index, one.after, one.before)
        for index, one in enumerate(question.exclusions)
    )
    return FunnelRules(count, question.window_ms, selection.end_ms, exclusions)


def _reach(selection: EventSelection, window_ms: int, steps: Sequence[EventStep]) -> EventSelection:
    """Return the events that can satisfy one of the steps, until the last window ends."""
    names: set[str] | None = set()
    for step in steps:
        names = None if step.name is None or names is None else names | {step.name}
    wanted = None if names is None else tuple(sorted(names))
    return replace(selection, end_ms=selection.end_ms + window_ms, names=wanted)


def _chosen(asked: PersonsAt, paths: FunnelPaths, is_open: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if asked.outcome is Outcome.TOOK:
        return np.asarray(paths.depths >= asked.step)
    stopped = paths.depths == asked.step - 1
    wanted = is_open if asked.outcome is Outcome.OPEN else ~is_open
    return np.asarray(stopped & wanted)


def _figures(
    question: FunnelQuestion,
    rules: FunnelRules,
    paths: FunnelPaths,
    is_open: NDArray[np.bool_],
    own: NDArray[np.bool_],
) -> FunnelFigures:
    """Return the figures of some persons."""
    depths, times_ms = paths.depths[own], paths.times_ms[own]
    by_depth = np.bincount(depths, minlength=rules.steps + 1)
    reached = np.cumsum(by_depth[::-1])[::-1][1:].tolist()
    waiting = np.bincount(depths[is_open[own]], minlength=rules.steps + 1).tolist()
    steps = []
    for index, name in enumerate(question.labels):
        before = reached[index - 1] if index else reached[0]
        still_open = waiting[index] if index else 0
        taken = times_ms[depths > index]
        took = (
            _duration(taken[:, index] - taken[:, index - 1]) if index else TimeToConvert(None, None)
        )
        steps.append(
            FunnelStep(
                name,
                reached[index],
                wilson(reached[index], reached[0]),
                wilson(reached[index], before),
                before - reached[index] - still_open,
                still_open,
                took.median_s,
                took.mean_s,
            )
        )
    done = times_ms[depths == rules.steps]
    return FunnelFigures(
        None, is_other=False, steps=steps, whole=_duration(done[:, -1] - done[:, 0])
    )


def _duration(took_ms: NDArray[np.int64]) -> TimeToConvert:
    if not len(took_ms):
        return TimeToConvert(None, None)
    return TimeToConvert(float(np.median(took_ms)) / 1000, float(np.mean(took_ms)) / 1000)


def _largest(values: Sequence[str | None], most: int) -> list[str | None]:
    """Return the most frequent values, and among equally frequent ones the first by name."""
    counts: dict[str | None, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda value: (-counts[value], value is None, value or ""))[:most]


def _cursor(text: str) -> np.uint64:
    try:
        return np.uint64(int(text, 16))
    except (ValueError, OverflowError) as exc:
        raise ReportError("must be the `next` of the page before", "after") from exc
