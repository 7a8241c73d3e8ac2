"""Ordered funnels: how far persons get through steps within a window.

An event satisfies one step. Events at the same time count in the order of their arrival.
Whoever starts several times counts once, with the attempt that gets furthest; among equal
ones, the first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.api.events import Occurrences

_NEVER = np.int64(-1)


@dataclass(frozen=True, slots=True)
class FunnelPaths:
    """The best attempt of each person who took the first step.

    Attributes:
        persons: uint64, shape (P,), ascending.
        depths: int64, shape (P,), the number of steps taken, at least 1.
        times_ms: int64, shape (P, steps), the time of each step; -1 for a step not taken.
        positions: int64, shape (P, steps), the index of each step's event; -1 likewise.
    """

    persons: NDArray[np.uint64]
    depths: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    positions: NDArray[np.int64]

    def reached(self, steps: int) -> NDArray[np.int64]:
        """Return the number of persons who took at least each step, shape (steps,)."""
        by_depth = np.bincount(self.depths, minlength=steps + 1)
        return np.cumsum(by_depth[::-1])[::-1][1:]

    def still_open(self, steps: int, window_ms: int, now_ms: int) -> NDArray[np.int64]:
        """Return how many of those at each depth can still go on, shape (steps,).

        Their window has not ended yet, so that they are not lost.
        """
        is_open = (self.depths < steps) & (self.times_ms[:, 0] + window_ms >= now_ms)
        return np.bincount(self.depths[is_open], minlength=steps + 1)[1:]


def ordered_paths(events: Occurrences, steps: int, window_ms: int) -> FunnelPaths:
    """Return how far each person gets.

    From each first step, the earliest events that continue it lead furthest: an earlier
    event leaves every later one to choose from.

    Args:
        events: the events that satisfy a step, ordered by person, time and arrival.
        steps: the number of steps.
        window_ms: the longest time from the first step to any other.
    """
    at = np.flatnonzero(events.steps & np.uint64(1))
    if not len(at):
        return _nobody(steps)
    positions = np.full((len(at), steps), _NEVER)
    positions[:, 0] = at
    depths = np.ones(len(at), np.int64)
    latest_ms = events.times_ms[at] + window_ms
    # Row numbers of the attempts that go on, and their event of the last step.
    going, last = np.arange(len(at)), at
    for step in range(1, steps):
        satisfying = np.flatnonzero(events.steps & np.uint64(1 << step))
        found = np.searchsorted(satisfying, last, side="right")
        going, last, found = (each[found < len(satisfying)] for each in (going, last, found))
        following = satisfying[found]
        counts = (events.persons[following] == events.persons[last]) & (
            events.times_ms[following] <= latest_ms[going]
        )
        going, last = going[counts], following[counts]
        positions[going, step] = last
        depths[going] = step + 1
    return _best(events, at, depths, positions)


def _best(
    events: Occurrences,
    at: NDArray[np.intp],
    depths: NDArray[np.int64],
    positions: NDArray[np.int64],
) -> FunnelPaths:
    """Return the attempt of each person that gets furthest, the first among equal ones."""
    persons = events.persons[at]
    order = np.lexsort((at, -depths, persons))
    _, first = np.unique(persons[order], return_index=True)
    best = order[first]
    chosen = positions[best]
    times = np.where(chosen >= 0, events.times_ms[chosen], _NEVER)
    return FunnelPaths(persons[best], depths[best], times, chosen)


def _nobody(steps: int) -> FunnelPaths:
    return FunnelPaths(
        np.empty(0, np.uint64),
        np.empty(0, np.int64),
        np.empty((0, steps), np.int64),
        np.empty((0, steps), np.int64),
    )
