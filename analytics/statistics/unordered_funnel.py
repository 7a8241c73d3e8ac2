"""Funnels whose steps may be taken in any order.

An event satisfies one step, also where it could satisfy several. How many steps a stretch of
events satisfies is therefore the size of a largest matching of steps to events. By Hall's
theorem it is the number of steps less the largest deficiency: over all sets of steps, the
steps of the set less the events that satisfy one of them. Steps with no event in common are
counted apart, so that the sets stay few.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError
from analytics.statistics.funnel import (
    NEVER,
    FunnelPaths,
    FunnelRules,
    Rows,
    ends_of_persons,
    groups_of,
    nobody,
)
from model.distinct import distinct
from storage.api.events import Occurrences

_MOST_OVERLAPPING: Final = 5
"""Kinds of steps with events in common; each doubles the sets."""
_LARGEST_KEY: Final = 2**62


def unordered_paths(events: Occurrences, rules: FunnelRules) -> FunnelPaths:
    """Return how many steps each person takes in any order.

    An attempt starts with any event that satisfies a step. An excluded event ends it, but may
    itself be the first or the last step.

    Raises:
        ReportError: too many steps are satisfied by the same events.
    """
    satisfied = events.steps.astype(np.uint64) & np.uint64((1 << rules.steps) - 1)
    starts = np.flatnonzero((satisfied != 0) & (events.times_ms < rules.starts_before_ms))
    if not len(starts):
        return nobody(rules.steps)
    counter = _Counter.of(satisfied, rules.steps)
    ends = _ends_of_windows(events, starts, rules.window_ms)
    excluded = _rows_with_any(events, [one.bit for one in rules.exclusions])
    after = np.searchsorted(excluded, starts, side="right")
    is_before_one = after < len(excluded)
    ends[is_before_one] = np.minimum(ends[is_before_one], excluded[after[is_before_one]] + 1)
    depths = counter.count(starts, ends)
    persons, groups = groups_of(events.persons[starts])
    best = np.maximum.reduceat(depths, groups)
    sizes = np.diff(np.append(groups, len(starts)))
    is_best = np.flatnonzero(depths == np.repeat(best, sizes))
    first = is_best[groups_of(events.persons[starts[is_best]])[1]]
    done = counter.earliest_end(starts[first], ends[first], best)
    begin = counter.latest_start(starts, first, groups + sizes - 1, done, best)
    positions = np.full((len(persons), rules.steps), NEVER)
    for depth in range(1, rules.steps + 1):
        deep = np.flatnonzero(best >= depth)
        wanted = np.full(len(deep), depth)
        positions[deep, depth - 1] = counter.earliest_end(begin[deep], done[deep], wanted) - 1
    times_ms = np.where(positions >= 0, events.times_ms[positions], NEVER)
    # The latest start: if an excluded event follows it, one follows every start.
    last = starts[groups + sizes - 1]
    is_over = np.searchsorted(excluded, last, side="right") < np.searchsorted(
        excluded, ends_of_persons(events, last)
    )
    last_starts = np.where(is_over, NEVER, events.times_ms[last])
    return FunnelPaths(persons, best, positions, times_ms, last_starts)


@dataclass(frozen=True, slots=True)
class _Part:
    """Steps that share events with each other but with no further step.

    Attributes:
        steps: their number.
        demands: for some sets of them, the number of steps of the set.
        sums: for each of these sets, the number of events before a row that satisfy one of
            its steps, shape (N + 1,).
        following: of a single step, the first event from a row on that satisfies it; N
            without one, shape (N + 1,). Then there are no sets.
    """

    steps: int
    demands: list[int]
    sums: list[NDArray[np.int32]]
    following: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class _Counter:
    """Counts how many steps stretches of events satisfy."""

    parts: list[_Part]

    @classmethod
    def of(cls, satisfied: NDArray[np.uint64], steps: int) -> "_Counter":
        masks = distinct(satisfied).tolist()
        return cls([_part(satisfied, group) for group in _components(masks, steps)])

    def count(self, first: Rows, end: Rows) -> NDArray[np.int64]:
        """Return the number of steps that the events from `first` to before `end` satisfy."""
        total = np.zeros(len(first), np.int64)
        for part in self.parts:
            if part.following is not None:
                total += part.following[first] < end
                continue
            matched = np.full(len(first), part.steps, np.int64)
            for demand, sums in zip(part.demands, part.sums, strict=True):
                np.minimum(matched, part.steps - demand + (sums[end] - sums[first]), out=matched)
            total += matched
        return total

    def earliest_end(self, first: Rows, end: Rows, wanted: NDArray[np.int64]) -> Rows:
        """Return the smallest end from which on the count is as wanted; `end` suffices."""
        low, high = first.copy(), end.copy()
        while (low < high).any():
            middle = (low + high) // 2
            enough = self.count(first, middle) >= wanted
            high = np.where(enough, middle, high)
            low = np.where(enough, low, np.minimum(middle + 1, high))
        return high

    def latest_start(
        self, starts: Rows, low: Rows, high: Rows, end: Rows, wanted: NDArray[np.int64]
    ) -> Rows:
        """Return the latest start whose count until `end` is as wanted; `low` suffices.

        Args:
            starts: all starts.
            low: the first index into them of the range to search.
            high: its last index.
            end: the ends.
            wanted: the counts.
        """
        low, high = low.copy(), high.copy()
        while (low < high).any():
            middle = (low + high + 1) // 2
            begin = np.minimum(starts[middle], end)
            enough = self.count(begin, end) >= wanted
            low = np.where(enough, middle, low)
            high = np.where(enough, high, np.maximum(middle - 1, low))
        return starts[low]


def _rows_with_any(events: Occurrences, bits: list[int]) -> Rows:
    """Return the events that have at least one of the bits."""
    mask = events.steps.dtype.type(sum(1 << bit for bit in set(bits)))
    return np.flatnonzero(events.steps & mask)


def _components(masks: list[int], steps: int) -> list[list[int]]:
    """Return the steps in groups; steps that one event satisfies are in the same group."""
    group = list(range(steps))
    for mask in masks:
        members = [step for step in range(steps) if mask >> step & 1]
        joined = {group[step] for step in members}
        for step in range(steps):
            if group[step] in joined:
                group[step] = min(joined)
    return [[step for step in range(steps) if group[step] == one] for one in sorted(set(group))]


def _part(satisfied: NDArray[np.uint64], steps: list[int]) -> _Part:
    if len(steps) == 1:
        return _Part(1, [], [], _following(satisfied, steps[0]))
    columns = distinct(satisfied & np.uint64(sum(1 << step for step in steps)))
    # Steps that the same events satisfy are interchangeable: a set has all or none of them.
    kinds: dict[bytes, list[int]] = {}
    for step in steps:
        kinds.setdefault((columns >> np.uint64(step) & np.uint64(1)).tobytes(), []).append(step)
    if len(kinds) > _MOST_OVERLAPPING:
        raise ReportError(
            f"{len(kinds)} steps can be satisfied by the same events, and an event satisfies one"
            f" step; in any order at most {_MOST_OVERLAPPING} of such steps are possible",
            "steps",
        )
    demands, sums = [], []
    for choice in range(1, 1 << len(kinds)):
        chosen = [
            step
            for index, kind in enumerate(kinds.values())
            if choice >> index & 1
            for step in kind
        ]
        serves = (satisfied & np.uint64(sum(1 << step for step in chosen))) != 0
        running = np.zeros(len(satisfied) + 1, np.int32)
        np.cumsum(serves, out=running[1:])
        demands.append(len(chosen))
        sums.append(running)
    return _Part(len(steps), demands, sums)


def _following(satisfied: NDArray[np.uint64], step: int) -> NDArray[np.int32]:
    found = np.full(len(satisfied) + 1, len(satisfied), np.int32)
    rows = np.flatnonzero((satisfied & np.uint64(1 << step)) != 0)
    found[rows] = rows
    np.minimum.accumulate(found[::-1], out=found[::-1])
    return found


def _ends_of_windows(events: Occurrences, starts: Rows, window_ms: int) -> Rows:
    """Return the index after the last event of the same person in the window of each start."""
    _, first = groups_of(events.persons)
    sizes = np.diff(np.append(first, len(events.persons)))
    # One ascending key for all persons: the time since the person's first event, and the
    # spans of the persons before with a window between.
    spans = events.times_ms[first + sizes - 1] - events.times_ms[first] + window_ms + 1
    if float(spans.sum(dtype=np.float64)) >= _LARGEST_KEY:
        raise ReportError("too many persons for this range; choose a shorter one", "to")
    offsets = np.cumsum(spans) - spans - events.times_ms[first]
    keys = events.times_ms + np.repeat(offsets, sizes)
    return np.asarray(np.searchsorted(keys, keys[starts] + window_ms, side="right"))
