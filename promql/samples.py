"""Samples as the kernels want them: without gaps, with the window of every step.

The store's matrices have holes: a series that appeared late, a staleness marker. The
kernels know none: a series with a hole gets a row of times of its own (shared by all
series with the same holes), and from there on every series has a sample at each time
of its row. Only such series pay; the usual ones keep sharing their source's times.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale, stack
from promql.vectors import Floats, Indices, Mask

Cell = TypeVar("Cell", bound=np.generic)
BLOCK_CELLS: Final = 1 << 16
"""Cells a kernel works on at once: 512 KiB of float64. More do not stay in a core's cache
and make the allocator ask the kernel for pages, which costs more than the arithmetic;
fewer make the calls themselves show. The query's guard is asked between blocks."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """N series without gaps.

    Attributes:
        labels: the N label sets.
        times_ms: shape (G, T), each row ascending, padded with NO_TIME.
        values: shape (N, T); padding is ABSENT.
        rows: shape (N,), for each series its row in `times_ms`.
        starts_ms: shape (N, T), since when each sample has counted, 0 where unknown;
            None where nothing is known.
    """

    labels: Sequence[Labels]
    times_ms: NDArray[np.int64]
    values: Floats
    rows: Indices
    starts_ms: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def expand(self, array: NDArray[Cell]) -> NDArray[Cell]:
        """Turn (G, S) into (N, S), or into (1, S) where all series share one row."""
        return array if len(array) == 1 else array[self.rows]

    def pick(self, columns: Indices) -> Floats:
        """Return the values at `columns` of shape (G, S): shape (N, S)."""
        if len(columns) == 1:
            taken: Floats = self.values.take(columns[0], axis=1)
            return taken
        places = columns[self.rows]
        places += (np.arange(len(places)) * self.values.shape[1])[:, np.newaxis]
        # One flat gather takes half as long as take_along_axis.
        gathered: Floats = self.values.ravel().take(places)
        return gathered

    def pick_starts(self, columns: Indices) -> NDArray[np.int64]:
        """Return the start times at `columns` of shape (G, S): shape (N, S)."""
        if self.starts_ms is None:
            return np.zeros((len(self), columns.shape[1]), dtype=np.int64)
        places = np.broadcast_to(self.expand(columns), (len(self), columns.shape[1]))
        return np.take_along_axis(self.starts_ms, places, axis=1)

    def pick_times(self, columns: Indices) -> NDArray[np.int64]:
        """Return the times at `columns` of shape (G, S): same shape."""
        if len(columns) == 1:
            times: NDArray[np.int64] = self.times_ms[0].take(columns[0])
            return times[np.newaxis]
        return np.take_along_axis(self.times_ms, columns, axis=1)

    def counts(self, times_ms: NDArray[np.int64]) -> Indices:
        """Return how many samples each row has up to each of S ascending times: (G, S)."""
        rows, width = self.times_ms.shape
        found: Indices
        if rows == 1:
            found = self.times_ms[0].searchsorted(times_ms, "right")[np.newaxis]
        elif len(times_ms) == 1:
            found = (self.times_ms <= times_ms[0]).sum(axis=1, keepdims=True)
        elif rows * width * len(times_ms) <= _COMPARISONS:
            found = (self.times_ms[:, np.newaxis, :] <= times_ms[:, np.newaxis]).sum(axis=2)
        else:
            found = np.stack([row.searchsorted(times_ms, "right") for row in self.times_ms])
        return found

    def blocks(self, width: int) -> Iterator["tuple[slice, Samples]"]:
        """Yield slices of the series, each of about BLOCK_CELLS cells of `width` columns."""
        size = max(1, BLOCK_CELLS // max(1, width))
        if size >= len(self):
            yield slice(0, len(self)), self
            return
        for start in range(0, len(self), size):
            part = slice(start, min(start + size, len(self)))
            times, rows = self.times_ms, self.rows[part]
            if len(times) > 1:
                used, rows = np.unique(rows, return_inverse=True)
                times = times[used]
            starts = None if self.starts_ms is None else self.starts_ms[part]
            yield part, Samples(self.labels[part], times, self.values[part], rows, starts)


# Comparing all with all beats one searchsorted (1.5 us) a row up to about here.
_COMPARISONS: Final = 1 << 17


def stacks(parts: Sequence[AlignedSeries], steps: int) -> Iterator[AlignedSeries]:
    """Yield small parts stacked to blocks, those of alike length together.

    One kernel call for many sources, without padding short ones (a host that has just
    come up) to the length of long ones. Each block is made when it is asked for, in
    the memory that the one before has left.

    Args:
        parts: what the store selected.
        steps: how many values of each series will be computed.
    """
    groups: dict[int, list[AlignedSeries]] = {}
    for part in parts:
        if len(parts) == 1 or part.values.size >= _WORTH_A_CALL:
            yield part
        else:
            groups.setdefault(part.values.shape[1].bit_length(), []).append(part)
    for alike in groups.values():
        block: list[AlignedSeries] = []
        cells = 0
        for part in alike:
            own = max(part.values.size, len(part.labels) * steps)
            if block and cells + own > BLOCK_CELLS:
                yield stack(block)
                block, cells = [], 0
            block.append(part)
            cells += own
        yield stack(block)


# Cells from which on stacking costs as much as the calls that it saves.
_WORTH_A_CALL: Final = 1 << 13


def without_gaps(series: AlignedSeries, *, keep_stale: bool) -> Samples:
    """Return the series with gaps closed.

    Args:
        series: what the store selected.
        keep_stale: whether staleness markers stay, as an instant selector needs; a
            range does not see them.
    """
    labels, times, values, rows = series.labels, series.times_ms, series.values, series.rows
    plain = Samples(labels, times, values, rows, series.starts_ms)
    # A sum over everything is the cheapest question whether there is any NaN at all.
    with np.errstate(all="ignore"):
        clean = not math.isnan(values.sum())
    if clean:
        return plain
    missing = is_absent(values)
    if not keep_stale:
        missing |= is_stale(values)
    padding = (times == NO_TIME)[rows] if len(times) > 1 else times == NO_TIME
    gaps = (missing & ~padding).any(axis=1)
    if not gaps.any():
        return plain
    return _closed(plain, missing, gaps)


def _closed(samples: Samples, missing: Mask, gaps: Mask) -> Samples:
    """Give each series with gaps a row of times that has none."""
    ragged = np.flatnonzero(gaps)
    present = ~missing[ragged]
    patterns = np.packbits(present, axis=1)
    rows = samples.rows.copy()
    groups: dict[tuple[int, bytes], int] = {}
    first: list[int] = []
    old_rows = rows[ragged].tolist()
    for index, (row, pattern) in enumerate(zip(old_rows, patterns, strict=True)):
        key = (row, pattern.tobytes())
        group = groups.setdefault(key, len(groups))
        if group == len(first):
            first.append(index)
        rows[ragged[index]] = len(samples.times_ms) + group
    order = np.argsort(~present, axis=1, kind="stable")
    values = samples.values.copy()
    values[ragged] = np.take_along_axis(values[ragged], order, axis=1)
    chosen = np.array(first, dtype=np.intp)
    times = np.take_along_axis(
        samples.times_ms[samples.rows[ragged[chosen]]], order[chosen], axis=1
    )
    beyond = np.arange(times.shape[1]) >= present[chosen].sum(axis=1)[:, np.newaxis]
    times[beyond] = NO_TIME
    starts = samples.starts_ms
    if starts is not None:
        starts = starts.copy()
        starts[ragged] = np.take_along_axis(starts[ragged], order, axis=1)
    times = np.concatenate([samples.times_ms, times])
    return Samples(samples.labels, times, values, rows, starts)


def _nothing() -> None:
    """Nobody wants the query to end."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """A block of series and, for every step, which of their samples lie in its range.

    Ranges are left-open: a sample at the very start is outside.

    Attributes:
        first, stop: shape (G, S), the columns of a window's first sample and of the
            one behind its last; empty windows have stop <= first.
        starts_ms, ends_ms: shape (S,), the ranges' ends.
        steps_ms: shape (S,), the evaluation times (an offset apart from `ends_ms`).
        check: raises if the query should end; kernels that take long call it.
    """

    samples: Samples
    first: Indices
    stop: Indices
    starts_ms: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    steps_ms: NDArray[np.int64]
    check: Callable[[], None] = _nothing

    @classmethod
    def over(
        cls,
        samples: Samples,
        starts_ms: NDArray[np.int64],
        ends_ms: NDArray[np.int64],
        steps_ms: NDArray[np.int64],
        check: Callable[[], None] = _nothing,
    ) -> "Windows":
        """Find the windows of `samples` at every step."""
        first, stop = samples.counts(starts_ms), samples.counts(ends_ms)
        return cls(samples, first, stop, starts_ms, ends_ms, steps_ms, check)

    @property
    def count(self) -> Indices:
        """How many samples each window holds: shape (G, S)."""
        return self.stop - self.first

    @property
    def range_s(self) -> float:
        """The length of all windows."""
        return float(self.ends_ms[0] - self.starts_ms[0]) / 1000

    def holding(self, least: int) -> Mask:
        """Tell which windows hold at least so many samples: shape (N, S)."""
        enough = self.samples.expand(self.count >= least)
        if len(enough) == len(self.samples):
            return enough
        return np.repeat(enough, len(self.samples), axis=0)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, S)."""
        return len(self.samples), self.first.shape[1]

    def inside(self, columns: Indices) -> Indices:
        """Clip columns of empty windows to some that exist; their results are masked."""
        # Faster than np.clip, whose wrapper costs more than it computes.
        inside: Indices = np.minimum(columns, self.samples.values.shape[1] - 1)
        return np.maximum(inside, 0, out=inside)

    def first_columns(self) -> Indices:
        """The column of each window's first sample, some column for empty ones."""
        return self.inside(self.first)

    def last_columns(self) -> Indices:
        """The column of each window's last sample, some column for empty ones."""
        return self.inside(self.stop - 1)

    def by_row(self) -> Iterator[tuple[Indices, "Windows"]]:
        """Yield, for each row of times, its series (their indices) and their windows."""
        samples = self.samples
        order = np.argsort(samples.rows, kind="stable")
        used, starts = np.unique(samples.rows[order], return_index=True)
        for row, series in zip(used.tolist(), np.split(order, starts[1:]), strict=True):
            own = Samples(
                [samples.labels[index] for index in series.tolist()],
                samples.times_ms[row : row + 1],
                samples.values[series],
                np.zeros(len(series), dtype=np.intp),
            )
            first, stop = self.first[row : row + 1], self.stop[row : row + 1]
            yield series, replace(self, samples=own, first=first, stop=stop)

    def blocks(self) -> Iterator[tuple[slice, "Windows"]]:
        """Yield blocks of the series, small enough for a core's cache."""
        width = max(self.samples.values.shape[1], self.first.shape[1])
        for part, samples in self.samples.blocks(width):
            yield part, self if samples is self.samples else replace(self, samples=samples)
