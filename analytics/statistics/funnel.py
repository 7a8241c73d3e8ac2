"""Funnels: how far persons get through steps within a window.

An event satisfies one step. Events at the same time count in the order of their arrival.
A person counts once, with the attempt that gets furthest. Among equal ones it is the one
that is complete first, from the latest start on that leads there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import Occurrences

NEVER: Final = np.int64(-1)
_ANY_TIME: Final = 2**62

Rows = NDArray[np.intp]
"""Indexes of events, ascending."""


class FunnelOrder(StrEnum):
    """How the steps follow each other."""

    ORDERED = "ordered"
    """In this order; other events may come between."""
    STRICT = "strict"
    """In this order, and no other event comes between."""
    ANY = "any"
    """In any order."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An event that ends an attempt.

    Attributes:
        bit: its bit in `Occurrences.steps`.
        after, before: the numbers of the steps, from 1 on, between which it must not happen.
    """

    bit: int
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class FunnelRules:
    """The rules of a funnel.

    Attributes:
        steps: the number of steps; bit i of `Occurrences.steps` is step i + 1.
        window_ms: the longest time from the first step to any other.
        starts_before_ms: the time before which an attempt must start.
        exclusions: events that end an attempt; in any order only between the first step that
            was taken and the last one.
    """

    steps: int
    window_ms: int
    starts_before_ms: int = _ANY_TIME
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class FunnelPaths:
    """The best attempt of each person who took a first step.

    Attributes:
        persons: uint64, shape (P,), in the order of the events.
        depths: int64, shape (P,), the number of steps taken, at least 1.
        positions: int64, shape (P, steps), the index of each step's event; -1 for a step
            not taken.
        times_ms: int64, shape (P, steps), the time of each step; -1 likewise.
        last_starts_ms: int64, shape (P,), the start of the latest attempt that an event can
            still continue; -1 without one.
    """

    persons: NDArray[np.uint64]
    depths: NDArray[np.int64]
    positions: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    last_starts_ms: NDArray[np.int64]

    def reached(self, steps: int) -> NDArray[np.int64]:
        """Return the number of persons who took at least each step, shape (steps,)."""
        by_depth = np.bincount(self.depths, minlength=steps + 1)
        return np.cumsum(by_depth[::-1])[::-1][1:]

    def is_open(self, rules: FunnelRules, now_ms: int) -> NDArray[np.bool_]:
        """Return for each person whether the next step can still follow, shape (P,).

        The window of an attempt has not ended, so that the person is not lost.
        """
        running = self.last_starts_ms + rules.window_ms >= now_ms
        running &= self.last_starts_ms != NEVER
        return np.asarray((self.depths < rules.steps) & running)


def rows_with(events: Occurrences, bit: int) -> Rows:
    """Return the events that satisfy a step."""
    return np.flatnonzero((events.steps & events.steps.dtype.type(1 << bit)) != 0)


@dataclass(frozen=True, slots=True)
class _Taken:
    """The events that take a step as part of an attempt.

    Attributes:
        rows: their indexes, ascending.
        starts_ms: the start of the best attempt of each one.
        before: the index of the event that took the step before, in `rows` of that step.
        first: the index of the first one of each person who has any.
        persons: the numbers of these persons.
    """

    rows: Rows
    starts_ms: NDArray[np.int64]
    before: Rows
    first: Rows
    persons: NDArray[np.int32]

    @classmethod
    def of(
        cls, rows: Rows, starts_ms: NDArray[np.int64], before: Rows, numbers: NDArray[np.int32]
    ) -> "_Taken":
        """Return the events, divided by person."""
        persons, first = _groups(numbers.take(rows))
        return cls(rows, starts_ms, before, first, persons)

    @property
    def last(self) -> Rows:
        """The index of the last event of each person."""
        return np.append(self.first[1:], len(self.rows))[: len(self.first)] - 1


def ordered_paths(events: Occurrences, rules: FunnelRules) -> FunnelPaths:
    """Return how far each person gets through the steps in order.

    For each event that takes step j, the latest event before it that took step j - 1 is the
    best one to continue from: its attempt started last, so that its window ends last, and the
    fewest events lie between. If it does not do, no earlier one does.
    """
    numbers, begins = _numbered(events.persons)
    first = rows_with(events, 0)
    starts_ms = events.times_ms.take(first)
    if len(first) and starts_ms.max() >= rules.starts_before_ms:
        first = first[starts_ms < rules.starts_before_ms]
        starts_ms = events.times_ms.take(first)
    taken = [_Taken.of(first, starts_ms, np.full(len(first), NEVER), numbers)]
    for step in range(1, rules.steps):
        taken.append(_next_taken(events, rules, step, taken[-1], numbers))
    # The place of each person among those who have started.
    places = np.zeros(len(begins), np.intp)
    places[taken[0].persons] = np.arange(len(taken[0].persons))
    depths, earliest = np.ones(len(taken[0].persons), np.int64), taken[0].first.copy()
    for depth, found in enumerate(taken[1:], 2):
        depths[places[found.persons]] = depth
        earliest[places[found.persons]] = found.first
    positions = np.full((len(depths), rules.steps), NEVER)
    for depth in range(1, rules.steps + 1):
        chosen = np.flatnonzero(depths == depth)
        index = earliest[chosen]
        for step in reversed(range(depth)):
            positions[chosen, step] = taken[step].rows[index]
            index = taken[step].before[index]
    last_starts = _last_starts(events, rules, taken, places, np.append(begins[1:], len(numbers)))
    persons = events.persons[begins[taken[0].persons]]
    return _paths(events, persons, depths, positions, last_starts)


def _next_taken(
    events: Occurrences, rules: FunnelRules, step: int, last: _Taken, numbers: NDArray[np.int32]
) -> _Taken:
    """Return the events of step number `step` that continue an attempt.

    Args:
        events: all events, by person and time.
        rules: the window and the order of the funnel.
        step: the number of the step, from 0.
        last: the events that took the step before.
        numbers: the number of each event's person.
    """
    rows = rows_with(events, step)
    first = last.rows[0] if len(last.rows) else len(numbers)
    rows = rows[np.searchsorted(rows, first, side="right") :]
    # Counting the events so far is cheaper than searching for each of these.
    counts = np.zeros(len(numbers), np.int32)
    counts[last.rows] = 1
    np.cumsum(counts, out=counts)
    before = counts.take(rows - 1).astype(np.intp) - 1
    rows_before, starts_ms = last.rows.take(before), last.starts_ms.take(before)
    continues = numbers.take(rows_before) == numbers.take(rows)
    continues &= events.times_ms.take(rows) - starts_ms <= rules.window_ms
    for exclusion in _exclusions_after(rules, step):
        excluded = rows_with(events, exclusion.bit)
        continues &= _is_clear(excluded, rows_before, rows, exclusion, step)
    kept = np.flatnonzero(continues)
    return _Taken.of(rows.take(kept), starts_ms.take(kept), before.take(kept), numbers)


def strict_paths(events: Occurrences, rules: FunnelRules) -> FunnelPaths:
    """Return how far each person gets through steps that follow each other directly.

    Args:
        events: all events of the persons.
        rules: the rules.
    """
    start = rows_with(events, 0)
    start = start[events.times_ms[start] < rules.starts_before_ms]
    depths = np.ones(len(start), np.int64)
    going = np.arange(len(start))
    for step in range(1, rules.steps):
        going = going[start[going] + step < len(events.persons)]
        first, row = start[going], start[going] + step
        continues = (events.steps[row] & events.steps.dtype.type(1 << step)) != 0
        continues &= events.persons[row] == events.persons[first]
        continues &= events.times_ms[row] <= events.times_ms[first] + rules.window_ms
        continues &= ~_ends_here(events, rules, row - 1, step)
        going = going[continues]
        depths[going] = step + 1
    persons, groups = groups_of(events.persons[start])
    if not len(persons):
        return nobody(rules.steps)
    best = np.maximum.reduceat(depths, groups)
    sizes = np.diff(np.append(groups, len(start)))
    is_best = np.flatnonzero(depths == np.repeat(best, sizes))
    chosen = is_best[groups_of(events.persons[start[is_best]])[1]]
    steps = np.arange(rules.steps)
    positions = np.where(steps < best[:, None], start[chosen][:, None] + steps, NEVER)
    # Only what ends with the person's last event can go on.
    following = start + depths
    inside = np.minimum(following, len(events.persons) - 1)
    is_last = (following == len(events.persons)) | (events.persons[inside] != events.persons[start])
    alive = is_last & (depths < rules.steps)
    for step in range(1, rules.steps):
        alive &= (depths != step) | ~_ends_here(events, rules, following - 1, step)
    last_starts = np.maximum.reduceat(np.where(alive, events.times_ms[start], NEVER), groups)
    return _paths(events, persons, best, positions, last_starts)


def groups_of(persons: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Rows]:
    """Return each person of consecutive rows once, and the index of their first row."""
    first = np.flatnonzero(_is_first(persons))
    return persons[first], first


def joined(parts: Sequence[FunnelPaths]) -> FunnelPaths:
    """Return the paths of all parts; positions are those in the part's events."""
    if len(parts) == 1:
        return parts[0]
    return FunnelPaths(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("persons", "depths", "positions", "times_ms", "last_starts_ms")
        )
    )


def nobody(steps: int) -> FunnelPaths:
    """Return the paths of no person."""
    none = np.empty(0, np.int64)
    table = np.empty((0, steps), np.int64)
    return FunnelPaths(np.empty(0, np.uint64), none, table, table, none)


def _exclusions_after(rules: FunnelRules, step: int) -> list[Exclusion]:
    """Return the exclusions that apply between taking `step` steps and the next one."""
    return [one for one in rules.exclusions if one.after <= step < one.before]


def _ends_here(events: Occurrences, rules: FunnelRules, rows: Rows, step: int) -> NDArray[np.bool_]:
    """Return whether the event that took a step is excluded between its neighbours.

    Where no other event comes between, an excluded event can only be a step itself.
    """
    bits = sum({1 << one.bit for one in rules.exclusions if one.after < step < one.before})
    return np.asarray((events.steps[rows] & events.steps.dtype.type(bits)) != 0)


def _is_clear(
    excluded: Rows, last: Rows, rows: Rows, exclusion: Exclusion, step: int
) -> NDArray[np.bool_]:
    """Return whether no excluded event lies between each of `last` and of `rows`.

    The event of the step `after` may itself be excluded, those of the steps that follow may
    not: they lie between.
    """
    index = np.searchsorted(excluded, rows) - 1
    found = np.where(index >= 0, excluded[index] if len(excluded) else NEVER, NEVER)
    return np.asarray(found <= last if step == exclusion.after else found < last)


def _last_starts(
    events: Occurrences,
    rules: FunnelRules,
    taken: Sequence[_Taken],
    places: Rows,
    ends: Rows,
) -> NDArray[np.int64]:
    """Return the start of the latest attempt of each person that is neither over nor ended.

    Args:
        events: the events.
        rules: the rules.
        taken: the events that take each step.
        places: the place in the result of each person's number.
        ends: the index after the last event of each person.
    """
    latest = np.full(len(taken[0].persons), NEVER)
    for step in range(1, rules.steps):
        found = taken[step - 1]
        last = found.last
        starts_ms = found.starts_ms[last]
        for exclusion in _exclusions_after(rules, step):
            excluded = rows_with(events, exclusion.bit)
            rows, end = found.rows[last], ends[found.persons]
            is_alive = _is_clear(excluded, rows, end, exclusion, step)
            starts_ms = np.where(is_alive, starts_ms, NEVER)
        place = places[found.persons]
        latest[place] = np.maximum(latest[place], starts_ms)
    return latest


def _numbered(persons: NDArray[np.uint64]) -> tuple[NDArray[np.int32], Rows]:
    """Return the number of each row's person, from 0 on, and the first row of each person."""
    is_first = _is_first(persons)
    return np.cumsum(is_first, dtype=np.int32) - np.int32(1), np.flatnonzero(is_first)


def _groups(numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], Rows]:
    first = np.flatnonzero(_is_first(numbers))
    return numbers.take(first), first


def _is_first(persons: NDArray[np.uint64] | NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return whether each row is the first one of its person."""
    found = np.ones(len(persons), np.bool_)
    np.not_equal(persons[1:], persons[:-1], out=found[1:])
    return found


def ends_of_persons(events: Occurrences, rows: Rows) -> Rows:
    """Return the index after the last event of the person of each row."""
    _, first = groups_of(events.persons)
    ends = np.append(first[1:], len(events.persons))
    return np.asarray(ends[np.searchsorted(first, rows, side="right") - 1])


def _paths(
    events: Occurrences,
    persons: NDArray[np.uint64],
    depths: NDArray[np.int64],
    positions: NDArray[np.int64],
    last_starts_ms: NDArray[np.int64],
) -> FunnelPaths:
    if not len(persons):
        return nobody(positions.shape[1])
    times_ms = np.where(positions >= 0, events.times_ms[positions], NEVER)
    return FunnelPaths(persons, depths, positions, times_ms, last_starts_ms)
