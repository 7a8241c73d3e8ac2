"""Series without gaps, the input of the kernels.

The store's matrices have gaps: a series may appear late or end with a staleness marker.
A series with gaps gets a row of times of its own, shared by all series with the same gaps,
so that every series has a sample at each time of its row. Series without gaps share the
times of their source at no cost.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import NO_TIME, Times, is_absent, is_stale
from promql.kernels.arrays import Floats, Indices, Mask

Cell = TypeVar("Cell", bound=np.generic)


@dataclass(frozen=True, eq=False)
class GaplessSamples:
    """N series without gaps.

    Attributes:
        labels: the N label sets.
        times_ms: shape (G, T), each row ascending, padded with NO_TIME.
        values: shape (N, T); padding is ABSENT.
        rows: shape (N,), the row of each series in `times_ms`.
        starts_ms: shape (N, T), the start time of each sample, 0 if unknown; None if all
            are unknown.
        falls: shape (N,), False for series whose values never fall; None if unknown.
    """

    labels: Sequence[Labels]
    times_ms: NDArray[np.int64]
    values: Floats
    rows: Indices
    starts_ms: NDArray[np.int64] | None = None
    falls: Mask | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def expand(self, array: NDArray[Cell]) -> NDArray[Cell]:
        """Expand (G, S) to (N, S); an array of shape (1, S) stays as it is."""
        return array if len(array) == 1 else array[self.rows]

    def pick(self, columns: Indices) -> Floats:
        """Return the values at `columns` of shape (G, S) or (1, S): shape (N, S)."""
        if len(columns) == 1:
            return columns_of(self.values, columns[0])
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
        """Return the times at `columns` of shape (G, S) or (1, S): shape (G, S)."""
        if len(columns) == 1:
            times: NDArray[np.int64] = self.times_ms.take(columns[0], axis=1)
            return times
        return np.take_along_axis(self.times_ms, columns, axis=1)

    def counts(self, times_ms: NDArray[np.int64]) -> Indices:
        """Count each row's samples up to each of S ascending times, that time included.

        Returns:
            Shape (G, S), or (1, S) if all rows have the same counts. They often have,
            although no two hosts are scraped at the same moment.
        """
        rows, width = self.times_ms.shape
        found: Indices
        if rows > 1 and len(times_ms) == 1:
            found = (self.times_ms <= times_ms[0]).sum(axis=1, keepdims=True)
            return found
        found = self.times_ms[0].searchsorted(times_ms, "right")[np.newaxis]
        if rows == 1 or self._all_rows_have(times_ms, found[0]):
            return found
        if rows * width * len(times_ms) <= _COMPARISONS:
            found = (self.times_ms[:, np.newaxis, :] <= times_ms[:, np.newaxis]).sum(axis=2)
            return found
        return np.stack([row.searchsorted(times_ms, "right") for row in self.times_ms])

    @cached_property
    def column_ends(self) -> tuple[Times, Times]:
        """The earliest and the latest time of each column: two arrays of shape (T,)."""
        if len(self.times_ms) == 1:
            return self.times_ms[0], self.times_ms[0]
        return self.times_ms.min(axis=0), self.times_ms.max(axis=0)

    def _all_rows_have(self, times_ms: NDArray[np.int64], counts: Indices) -> bool:
        """Return whether `counts` holds for every row, not only for the first."""
        earliest, latest = self.column_ends
        inside = counts > 0
        if (latest[counts[inside] - 1] > times_ms[inside]).any():
            return False
        inside = counts < len(earliest)
        return bool((earliest[counts[inside]] > times_ms[inside]).all())


_FEW_CELLS: Final = 1 << 12
"""Up to this many cells, a gather takes less time than finding the stride."""


def columns_of(values: Floats, columns: Indices) -> Floats:
    """Return some columns of (N, T): shape (N, S).

    If the step is a multiple of the scrape interval, the columns are evenly spaced, except
    at both ends. A strided copy of the even part takes a third of a gather's time.
    """
    if len(values) * len(columns) <= _FEW_CELLS:
        few: Floats = values.take(columns, axis=1)
        return few
    strides = columns[1:] - columns[:-1]
    if len(strides) and (stride := int(strides[len(strides) // 2])) > 0:
        odd = np.flatnonzero(strides != stride)
        middle = len(strides) // 2
        place = int(odd.searchsorted(middle))
        begin = int(odd[place - 1]) + 1 if place else 0
        end = int(odd[place]) + 1 if place < len(odd) else len(columns)
        if 2 * (end - begin) >= len(columns):
            found: Floats = np.empty((len(values), len(columns)))
            found[:, :begin] = values[:, columns[:begin]]
            low = int(columns[begin])
            found[:, begin:end] = values[:, low : int(columns[end - 1]) + 1 : stride]
            found[:, end:] = values[:, columns[end:]]
            return found
    taken: Floats = values.take(columns, axis=1)
    return taken


_COMPARISONS: Final = 1 << 17
"""Up to this many comparisons, comparing all beats one searchsorted (1.5 us) for each row."""


def without_gaps(samples: GaplessSamples, *, keep_stale: bool) -> GaplessSamples:
    """Close the gaps of all series; staleness markers are gaps unless `keep_stale`."""
    times, values, rows = samples.times_ms, samples.values, samples.rows
    # The sum of everything is the cheapest test for any NaN.
    with np.errstate(all="ignore"):
        clean = not math.isnan(values.sum())
    if clean:
        return samples
    missing = is_absent(values)
    if not keep_stale:
        missing |= is_stale(values)
    padding = (times == NO_TIME)[rows] if len(times) > 1 else times == NO_TIME
    gaps = (missing & ~padding).any(axis=1)
    return _closed(samples, missing, gaps) if gaps.any() else samples


def _closed(samples: GaplessSamples, missing: Mask, gaps: Mask) -> GaplessSamples:
    """Move the samples of each series with gaps together, over a row of their own times."""
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
    return replace(samples, times_ms=times, values=values, rows=rows, starts_ms=starts)
