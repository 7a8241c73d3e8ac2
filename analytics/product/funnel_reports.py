"""Answers funnels over a project's events."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.product.funnels import (
    FunnelFigures,
    FunnelPerson,
    FunnelPersons,
    FunnelQuestion,
    FunnelReport,
    FunnelStep,
    Outcome,
    PersonsAt,
    TimeToConvert,
)
from analytics.statistics.funnel import (
    Exclusion,
    FunnelOrder,
    FunnelPaths,
    FunnelRules,
    joined,
    ordered_paths,
    strict_paths,
)
from analytics.statistics.proportion import wilson
from analytics.statistics.unordered_funnel import unordered_paths
from model.clock import Clock
from storage.api.event_store import EventReader
from storage.api.events import EventSelection, EventStep, PersonPart
from storage.api.reports.measures import FirstValues

_PARTS_AT_ONCE: Final = 2
_PART_EVENTS: Final = 2_000_000
"""Events of a part: 17 bytes each, and as much again to sort them."""
_DIVIDED_EVENTS: Final = 100_000
"""From here on, parts at once take less time than all at a time."""
_KERNELS: Final = {
    FunnelOrder.ORDERED: ordered_paths,
    FunnelOrder.STRICT: strict_paths,
    FunnelOrder.ANY: unordered_paths,
}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is read for a question.

    Attributes:
        selection, question: as they were asked.
        steps: the events of the question, as bits of `Occurrences.steps`.
        reach: the events that can satisfy one of them.
        rules: the rules of the funnel.
    """

    selection: EventSelection
    question: FunnelQuestion
    steps: Sequence[EventStep]
    reach: EventSelection
    rules: FunnelRules

    @classmethod
    def of(cls, selection: EventSelection, question: FunnelQuestion) -> "_Reading":
        """Return what is read.

        Raises:
            ReportError: the question contradicts itself.
        """
        rules = _rules(selection, question)
        steps = [*question.steps, *(one.event for one in question.exclusions)]
        if question.order is FunnelOrder.STRICT:
            # Every event counts: one that is no step comes between.
            steps.append(EventStep(None))
        return cls(selection, question, steps, _reach(selection, question.window_ms, steps), rules)


@dataclass(frozen=True, slots=True)
class _Followed:
    """How far all persons get.

    Attributes:
        rules: the rules of the funnel.
        paths: the paths, by the numbers of the persons.
        is_open: whether each person can still go on.
        codes: for each person the index of the breakdown's value, -1 without one.
        values: the values of the breakdown.
    """

    rules: FunnelRules
    paths: FunnelPaths
    is_open: NDArray[np.bool_]
    codes: NDArray[np.int64]
    values: Sequence[str]

    def with_value(self, value: str | None) -> NDArray[np.bool_]:
        """Return whether each person has a value of the breakdown's property."""
        code = -1 if value is None else self.values.index(value) if value in self.values else -2
        return np.asarray(self.codes == code)


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
        followed = await self._followed(selection, question)
        return await asyncio.to_thread(_report, question, followed)

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
        if asked.by_value and question.breakdown is None:
            raise ReportError("is missing", "breakdown")
        if not asked.by_value:
            question = replace(question, breakdown=None)
        begins_after = None if after is None else _cursor(after)
        followed = await self._followed(selection, question)
        paths = followed.paths
        chosen = _chosen(asked, paths, followed.is_open)
        if asked.by_value:
            chosen &= followed.with_value(asked.value)
        rows = np.flatnonzero(chosen)
        begin = 0
        if begins_after is not None:
            begin = int(np.searchsorted(paths.persons[rows], begins_after, side="right"))
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

    async def _followed(self, selection: EventSelection, question: FunnelQuestion) -> _Followed:
        reading = _Reading.of(selection, question)
        # A filter would have to read properties: more parts than needed are cheaper.
        events = await self._events.estimate(replace(reading.reach, where=None))
        count = max(1 if events < _DIVIDED_EVENTS else _PARTS_AT_ONCE, -(-events // _PART_EVENTS))
        parts: list[tuple[FunnelPaths, FirstValues | None]] = []
        for begin in range(0, count, _PARTS_AT_ONCE):
            end = min(begin + _PARTS_AT_ONCE, count)
            own = (PersonPart(index, count) for index in range(begin, end))
            parts += await asyncio.gather(*(self._followed_in(part, reading) for part in own))
        return await asyncio.to_thread(_joined, reading.rules, parts, self._clock())

    async def _followed_in(
        self, part: PersonPart, reading: _Reading
    ) -> tuple[FunnelPaths, FirstValues | None]:
        """Return how far some persons get, and their values of the breakdown."""
        question = reading.question
        events = await self._events.occurrences(reading.reach, reading.steps, part)
        paths = await asyncio.to_thread(_KERNELS[question.order], events, reading.rules)
        if question.breakdown is None:
            return paths, None
        first = await self._events.first_values(
            _reach(reading.selection, question.window_ms, question.steps),
            question.steps,
            question.breakdown,
            part,
        )
        return paths, first


def _joined(
    rules: FunnelRules, parts: Sequence[tuple[FunnelPaths, FirstValues | None]], now_ms: int
) -> _Followed:
    paths = joined([each for each, _ in parts])
    values: dict[str, int] = {}
    codes = [_codes(each.persons, first, values) for each, first in parts]
    return _Followed(
        rules, paths, paths.is_open(rules, now_ms), np.concatenate(codes), list(values)
    )


def _codes(
    persons: NDArray[np.uint64], first: FirstValues | None, known: dict[str, int]
) -> NDArray[np.int64]:
    """Return the index of each person's value; new values are added to `known`."""
    codes = np.full(len(persons), -1, np.int64)
    if first is None or not len(persons) or not len(first.persons):
        return codes
    own = np.array([known.setdefault(value, len(known)) for value in first.values], np.int64)
    place = np.minimum(np.searchsorted(first.persons, persons), len(own) - 1)
    return np.where(first.persons[place] == persons, own[place], codes)


def _report(question: FunnelQuestion, followed: _Followed) -> FunnelReport:
    # A slice of all rows copies nothing.
    figures = _figures(question, followed, slice(None))
    if question.breakdown is None:
        return FunnelReport(figures)
    shown = _largest(followed, question.most_values)
    parts, others = [], np.ones(len(followed.codes), np.bool_)
    for value in shown:
        own = followed.with_value(value)
        others = others & ~own
        parts.append(replace(_figures(question, followed, own), value=value))
    if others.any():
        parts.append(replace(_figures(question, followed, others), is_other=True))
    return FunnelReport(figures, parts)


def _rules(selection: EventSelection, question: FunnelQuestion) -> FunnelRules:
    question.require_valid()
    count = len(question.steps)
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
    question: FunnelQuestion, followed: _Followed, own: NDArray[np.bool_] | slice
) -> FunnelFigures:
    """Return the figures of some persons."""
    rules, paths, is_open = followed.rules, followed.paths, followed.is_open
    depths, times_ms = paths.depths[own], paths.times_ms[own]
    by_depth = np.bincount(depths, minlength=rules.steps + 1)
    reached = np.cumsum(by_depth[::-1])[::-1][1:].tolist()
    waiting = np.bincount(depths[is_open[own]], minlength=rules.steps + 1).tolist()
    steps = []
    for index, name in enumerate(question.labels):
        before = reached[index - 1] if index else reached[0]
        still_open = waiting[index] if index else 0
        took = TimeToConvert(None, None)
        if index:
            took = _duration((times_ms[:, index] - times_ms[:, index - 1])[depths > index])
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
    done = depths == rules.steps
    whole = _duration((times_ms[:, -1] - times_ms[:, 0])[done])
    return FunnelFigures(None, is_other=False, steps=steps, whole=whole)


def _duration(took_ms: NDArray[np.int64]) -> TimeToConvert:
    if not len(took_ms):
        return TimeToConvert(None, None)
    return TimeToConvert(float(np.median(took_ms)) / 1000, float(np.mean(took_ms)) / 1000)


def _largest(followed: _Followed, most: int) -> list[str | None]:
    """Return the most frequent values, and among equally frequent ones the first by name."""
    counts = np.bincount(followed.codes + 1, minlength=len(followed.values) + 1)
    names: list[str | None] = [None, *followed.values]
    present = np.flatnonzero(counts).tolist()
    present.sort(key=lambda code: (-counts[code], code == 0, names[code] or ""))
    return [names[code] for code in present[:most]]


def _cursor(text: str) -> np.uint64:
    try:
        return np.uint64(int(text, 16))
    except (ValueError, OverflowError) as exc:
        raise ReportError("must be the `next` of the page before", "after") from exc
