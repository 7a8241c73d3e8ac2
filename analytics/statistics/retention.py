"""Retention: which persons of a cohort come back in which period after their start.

A person is in a cohort with the first start event in it. The period of that event is period
0: a person who comes back in it has a return event after the start event. An event is never
its own return.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.api.activity import Presences, Trails

_BLOCK_CELLS = 64_000_000
"""Cells of a matrix of buckets and persons, one byte each, that is built at once."""


@dataclass(frozen=True, slots=True)
class RetentionGrid:
    """Cohorts in consecutive buckets of time.

    Attributes:
        cohorts: int64, shape (B,), ascending, the index of the cohort to which a bucket
            belongs; -1 for the buckets after the last cohort.
        periods: the last period; period 0 is that of the start.
        is_unbounded: whether a return in a later period counts for the earlier ones too.
        is_first_ever: whether only a person's first start event counts.
    """

    cohorts: NDArray[np.int64]
    periods: int
    is_unbounded: bool
    is_first_ever: bool

    @property
    def number(self) -> int:
        """The number of cohorts."""
        return int(self.cohorts.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True)
class RetainedPersons:
    """The members of all cohorts, one row for each cohort of a person.

    Attributes:
        persons: uint64, shape (N,).
        cohorts: int64, shape (N,).
        returned: bool, shape (periods + 1, N), whether the person came back in a period.
    """

    persons: NDArray[np.uint64]
    cohorts: NDArray[np.int64]
    returned: NDArray[np.bool_]

    def counts(self, cohorts: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the sizes, shape (C,), and the returns, shape (C, periods + 1)."""
        sizes = np.bincount(self.cohorts, minlength=cohorts)
        returns = [np.bincount(self.cohorts[each], minlength=cohorts) for each in self.returned]
        return sizes, np.array(returns, np.int64).T


def calendar_counts(
    events: Presences, earlier: NDArray[np.uint64], grid: RetentionGrid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sizes, shape (C,), and the returns by period, shape (C, periods + 1).

    Args:
        events: who was there in which bucket.
        earlier: persons whose first start lies before the first bucket, ascending.
        grid: the cohorts.
    """
    sizes = np.zeros(grid.number, np.int64)
    returns = np.zeros((grid.number, grid.periods + 1), np.int64)
    for block in _blocks(events, earlier, grid):
        for bucket, members in enumerate(block.members):
            cohort = grid.cohorts[bucket]
            if cohort < 0:
                break
            sizes[cohort] += np.bitwise_count(members).sum()
            for period in range(grid.periods + 1):
                came = members & block.returned(bucket, period)
                returns[cohort, period] += np.bitwise_count(came).sum()
    return sizes, returns


def calendar_persons(
    events: Presences, earlier: NDArray[np.uint64], grid: RetentionGrid, cohort: int, period: int
) -> NDArray[np.uint64]:
    """Return the persons of one cell, ascending; all of the cohort if the period is -1."""
    found = []
    for block in _blocks(events, earlier, grid):
        for bucket in np.flatnonzero(grid.cohorts == cohort).tolist():
            members = block.members[bucket]
            if period >= 0:
                members = members & block.returned(bucket, period)
            found.append(block.persons[np.unpackbits(members)[: len(block.persons)] > 0])
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some persons in all buckets; the rows of each matrix have one bit for each person.

    Attributes:
        persons: shape (P,).
        members: the persons whose cohort is that of the bucket, since they start in it.
        later: the persons who return in the bucket after they have started in it.
        present: the persons who return in the bucket, or from it on if unbounded.
        is_unbounded: as in `RetentionGrid`.
    """

    persons: NDArray[np.uint64]
    members: NDArray[np.uint8]
    later: NDArray[np.uint8]
    present: NDArray[np.uint8]
    is_unbounded: bool

    def returned(self, bucket: int, period: int) -> NDArray[np.uint8]:
        """Return who comes back in a period, of those who start in a bucket."""
        row: NDArray[np.uint8] = self.present[bucket + period] if period else self.later[bucket]
        if not period and self.is_unbounded and bucket + 1 < len(self.present):
            row = np.bitwise_or(row, self.present[bucket + 1])
        return row


def _blocks(
    events: Presences, earlier: NDArray[np.uint64], grid: RetentionGrid
) -> Iterator[_Block]:
    persons, ranks = np.unique(events.persons, return_inverse=True)
    buckets = len(grid.cohorts)
    width = max(1, _BLOCK_CELLS // buckets)
    for low in range(0, len(persons), width):
        inside = (ranks >= low) & (ranks < low + width)
        rows = slice(None) if len(persons) <= width else inside
        place = (events.buckets[rows], ranks[rows] - low)
        some = persons[low : low + width]
        shape = (buckets, len(some))
        starts = _matrix(shape, place, events.starts[rows])
        members = _members(starts, np.isin(some, earlier, assume_unique=True), grid)
        present = _matrix(shape, place, events.returns[rows])
        if grid.is_unbounded:
            present = np.bitwise_or.accumulate(present[::-1], axis=0)[::-1]
        later = _matrix(shape, place, events.returns_later[rows] & events.starts[rows])
        yield _Block(
            some,
            np.packbits(members, axis=1),
            np.packbits(later, axis=1),
            np.packbits(present, axis=1),
            grid.is_unbounded,
        )


def _matrix(
    shape: tuple[int, int],
    place: tuple[NDArray[np.int64], NDArray[np.intp]],
    values: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    matrix = np.zeros(shape, np.bool_)
    matrix[place] = values
    return matrix


def _members(
    starts: NDArray[np.bool_], is_earlier: NDArray[np.bool_], grid: RetentionGrid
) -> NDArray[np.bool_]:
    """Return who starts in a bucket and has not started before: in the cohort, or ever."""
    members = np.zeros_like(starts)
    has_started = is_earlier.copy()
    for bucket, cohort in enumerate(grid.cohorts.tolist()):
        if cohort < 0:
            break
        if not grid.is_first_ever and (bucket == 0 or grid.cohorts[bucket - 1] != cohort):
            has_started[:] = False
        members[bucket] = starts[bucket] & ~has_started
        has_started |= starts[bucket]
    return members


def elapsed_returns(
    events: Trails,
    earlier: NDArray[np.uint64],
    grid: RetentionGrid,
    edges_ms: NDArray[np.int64],
    period_ms: int,
) -> RetainedPersons:
    """Return who comes back in periods of a fixed length that begin with the own start.

    Args:
        events: the events that satisfy step 0, a start, or step 1, a return.
        earlier: persons whose first start lies before the first bucket, ascending.
        grid: the cohorts.
        edges_ms: shape (B + 1,), the edges of its buckets.
        period_ms: the length of a period.
    """
    starts = _first_starts(events, earlier, grid, edges_ms)
    returns = np.flatnonzero(events.steps & np.uint64(2))
    _, ranks = np.unique(events.persons, return_inverse=True)
    first_ms = int(events.times_ms.min(initial=0))
    last_ms = int(events.times_ms.max(initial=0))
    # One number for person and time, so that one search finds the time of the right person.
    span = last_ms - first_ms + (grid.periods + 2) * period_ms
    places = ranks * span + (events.times_ms - first_ms)
    wanted = places[returns]
    begins, ends = places[starts], (ranks[starts] + 1) * span
    following = np.searchsorted(returns, starts, side="right")
    returned = np.zeros((grid.periods + 1, len(starts)), np.bool_)
    for period in range(grid.periods + 1):
        found = following
        if period:
            found = np.searchsorted(wanted, begins + period * period_ms)
        limit = ends if grid.is_unbounded else begins + (period + 1) * period_ms
        is_found = found < len(wanted)
        returned[period, is_found] = wanted[found[is_found]] < limit[is_found]
    cohorts = _cohorts_of(events.times_ms[starts], grid, edges_ms)
    return RetainedPersons(events.persons[starts], cohorts, returned)


def _first_starts(
    events: Trails,
    earlier: NDArray[np.uint64],
    grid: RetentionGrid,
    edges_ms: NDArray[np.int64],
) -> NDArray[np.intp]:
    """Return the positions of the events with which persons enter cohorts."""
    starts = np.flatnonzero(events.steps & np.uint64(1))
    cohorts = _cohorts_of(events.times_ms[starts], grid, edges_ms)
    persons = events.persons[starts]
    is_first = np.ones(len(starts), np.bool_)
    is_first[1:] = persons[1:] != persons[:-1]
    if grid.is_first_ever:
        is_first &= ~np.isin(persons, earlier)
    else:
        is_first[1:] |= cohorts[1:] != cohorts[:-1]
    return starts[is_first & (cohorts >= 0)]


def _cohorts_of(
    times_ms: NDArray[np.int64], grid: RetentionGrid, edges_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    return grid.cohorts[np.searchsorted(edges_ms, times_ms, side="right") - 1]
