"""Aligned series: the one type that flows from the store through PromQL to the answer.

Three NaNs are told apart by their bits: an ordinary NaN is a value, the staleness
marker ends a series, and ABSENT means that a matrix holds no sample there. The last
two are signalling NaNs, which arithmetic quiets: test bits (`is_stale`, `is_absent`)
before computing.

Source of the staleness marker's bits: Prometheus, model/value/value.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels

STALE_BITS = 0x7FF0000000000002
ABSENT_BITS = 0x7FF0000000000A5B
ORDINARY_NAN_BITS = 0x7FF8000000000001

STALE = float(np.uint64(STALE_BITS).view(np.float64))
"""Prometheus's staleness marker: the series ended at this time."""
ABSENT = float(np.uint64(ABSENT_BITS).view(np.float64))
"""No sample at this time; never leaves the process."""
NO_TIME = np.iinfo(np.int64).max
"""Pads rows of times that are shorter than others."""

Values = NDArray[np.float64]
Times = NDArray[np.int64]


def is_stale(values: Values) -> NDArray[np.bool_]:
    """Tell where the staleness marker stands; same shape as `values`."""
    return np.equal(values.view(np.uint64), STALE_BITS)


def is_absent(values: Values) -> NDArray[np.bool_]:
    """Tell where there is no sample; same shape as `values`."""
    return np.equal(values.view(np.uint64), ABSENT_BITS)


def absent_matrix(series: int, times: int) -> Values:
    """Return a (series, times) matrix that holds no sample."""
    return np.full((series, times), ABSENT_BITS, dtype=np.uint64).view(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What is known of N series' samples, so that nobody has to look at them all again.

    Attributes:
        gaps: shape (N,), which may hold a NaN of any of the three kinds.
        falls: shape (N,), which may hold a value below the one before it.
    """

    gaps: NDArray[np.bool_]
    falls: NDArray[np.bool_]

    @classmethod
    def of(cls, values: Values) -> "Traits":
        """Look at every sample of a matrix of shape (N, T)."""
        gaps = np.empty(len(values), dtype=np.bool_)
        falls = np.empty(len(values), dtype=np.bool_)
        rows = max(1, _CACHED_CELLS // max(1, values.shape[1]))
        with np.errstate(all="ignore"):
            for start in range(0, len(values), rows):
                some, part = values[start : start + rows], slice(start, start + rows)
                gaps[part] = np.isnan(some.sum(axis=1))
                # Asked this way NaN, which compares as false, counts as a fall.
                falls[part] = ~(some[:, 1:] >= some[:, :-1]).all(axis=1)
        return cls(gaps, falls)

    def take(self, rows: "slice | NDArray[np.intp]") -> "Traits":
        """Return what is known of some of the series."""
        return Traits(self.gaps[rows], self.falls[rows])


# What fits into a core's cache.
_CACHED_CELLS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class AlignedSeries:
    """Series of one or more sources; those of one source share their timestamps.

    Attributes:
        labels: the N series' label sets, `__name__` among them.
        times_ms: shape (G, T), Unix milliseconds, one row a source, each ascending
            and padded at its end with NO_TIME.
        values: shape (N, T), ABSENT where a series has no sample (and in padding).
        rows: shape (N,), for each series its row in `times_ms`.
        starts_ms: shape (N, T), since when each sample has counted, 0 where that is
            unknown; None where nobody asked for it or nothing is known.
        traits: what is known of the samples; None where nobody looked.
    """

    labels: tuple[Labels, ...]
    times_ms: Times
    values: Values
    rows: NDArray[np.intp]
    starts_ms: Times | None = None
    traits: Traits | None = None

    @classmethod
    def of_source(
        cls, labels: Sequence[Labels], times_ms: Times, values: Values
    ) -> "AlignedSeries":
        """Build from the series of one source: `times_ms` of shape (T,), `values` (N, T)."""
        rows = np.zeros(len(labels), dtype=np.intp)
        return cls(tuple(labels), times_ms.reshape(1, -1), values, rows)

    def take(self, series: NDArray[np.intp]) -> "AlignedSeries":
        """Return some of the series, without the times that none of them uses."""
        used, rows = np.unique(self.rows[series], return_inverse=True)
        return AlignedSeries(
            tuple([self.labels[place] for place in series.tolist()]),
            self.times_ms[used],
            self.values[series],
            rows,
            None if self.starts_ms is None else self.starts_ms[series],
            None if self.traits is None else self.traits.take(series),
        )

    def columns(self, low: int, high: int) -> "AlignedSeries":
        """Return a view of the columns from `low` to before `high`."""
        starts = self.starts_ms
        return AlignedSeries(
            self.labels,
            self.times_ms[:, low:high],
            self.values[:, low:high],
            self.rows,
            None if starts is None else starts[:, low:high],
            self.traits,
        )

    def find_traits(self) -> Traits:
        """Look at every sample; padding is no gap."""
        ends = (self.times_ms != NO_TIME).sum(axis=1)
        if (ends == self.times_ms.shape[1]).all():
            return Traits.of(self.values)
        ends = ends[self.rows]
        gaps, falls = np.empty(len(ends), dtype=np.bool_), np.empty(len(ends), dtype=np.bool_)
        for end in np.unique(ends).tolist():
            some = np.flatnonzero(ends == end)
            found = Traits.of(self.values[some, :end])
            gaps[some], falls[some] = found.gaps, found.falls
        return Traits(gaps, falls)

    @property
    def sample_slots(self) -> int:
        """How many samples the matrix has room for: N * T."""
        return self.values.size


def stack(parts: Sequence[AlignedSeries]) -> AlignedSeries:
    """Return all series of `parts` as one, their times padded to the longest.

    A kernel call costs microseconds whatever its size: 400 hosts with one series
    each are one call this way, not 400.
    """
    if len(parts) == 1:
        return parts[0]
    width = max((part.values.shape[1] for part in parts), default=0)
    times = np.full((sum(len(part.times_ms) for part in parts), width), NO_TIME, np.int64)
    values = absent_matrix(sum(len(part.labels) for part in parts), width)
    rows = np.empty(len(values), dtype=np.intp)
    starts = None
    if any(part.starts_ms is not None for part in parts):
        starts = np.zeros(values.shape, dtype=np.int64)
    labels: list[Labels] = []
    known = [part.traits for part in parts if part.traits and part.values.shape[1] == width]
    traits = None
    if len(known) == len(parts):
        gaps = np.concatenate([each.gaps for each in known])
        traits = Traits(gaps, np.concatenate([each.falls for each in known]))
    group = 0
    for part in parts:
        at, count, length = len(labels), len(part.labels), part.values.shape[1]
        times[group : group + len(part.times_ms), :length] = part.times_ms
        values[at : at + count, :length] = part.values
        rows[at : at + count] = part.rows + group
        if starts is not None and part.starts_ms is not None:
            starts[at : at + count, :length] = part.starts_ms
        group += len(part.times_ms)
        labels.extend(part.labels)
    return AlignedSeries(tuple(labels), times, values, rows, starts, traits)
