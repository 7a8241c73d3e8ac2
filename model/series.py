"""Aligned series: the one type that flows from the store through PromQL to the answer.

Three NaNs differ in their bits: an ordinary NaN is a value, the staleness marker ends a
series, and ABSENT means that a matrix holds no sample there. The last two are
signalling NaNs, and arithmetic turns these into ordinary ones: test the bits (`is_stale`,
`is_absent`) before computing.

Source of the staleness marker's bits: Prometheus, model/value/value.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.pieces import WorkBudget, in_pieces

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
    """Return where `values` holds the staleness marker; same shape."""
    return np.equal(values.view(np.uint64), STALE_BITS)


def is_absent(values: Values) -> NDArray[np.bool_]:
    """Return where `values` holds no sample; same shape."""
    return np.equal(values.view(np.uint64), ABSENT_BITS)


def absent_vector(count: int) -> Values:
    """Return `count` values without a sample."""
    return np.full(count, ABSENT_BITS, dtype=np.uint64).view(np.float64)


def absent_matrix(series: int, times: int) -> Values:
    """Return a (series, times) matrix without a sample."""
    return np.full((series, times), ABSENT_BITS, dtype=np.uint64).view(np.float64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AlignedSeries:
    """Series of one or more sources; those of one source share their timestamps.

    Attributes:
        labels: the label sets of the N series, `__name__` among them.
        times_ms: shape (G, T), Unix milliseconds; one row for each source, ascending and
            padded at its end with NO_TIME.
        values: shape (N, T), ABSENT where a series has no sample and in padding.
        rows: shape (N,), for each series its row in `times_ms`.
        starts_ms: shape (N, T), the start time of each sample, 0 where unknown; None if
            the caller did not ask for start times or none is known.
    """

    labels: tuple[Labels, ...]
    times_ms: Times
    values: Values
    rows: NDArray[np.intp]
    starts_ms: Times | None = None

    @classmethod
    def of_source(
        cls, labels: Sequence[Labels], times_ms: Times, values: Values
    ) -> "AlignedSeries":
        """Build from the series of one source: `times_ms` of shape (T,), `values` (N, T)."""
        return AlignedSeries(
            labels=tuple(labels),
            times_ms=times_ms.reshape(1, -1),
            values=values,
            rows=np.zeros(len(labels), dtype=np.intp),
        )

    def take(self, series: NDArray[np.intp], budget: WorkBudget | None = None) -> "AlignedSeries":
        """Return some of the series, without the rows of times that none of them uses.

        Raises what the budget raises, which is checked every few thousand series.
        """
        rows = self.rows[series]
        is_used = np.zeros(len(self.times_ms), dtype=np.bool_)
        is_used[rows] = True
        labels: list[Labels] = []
        values = np.empty((len(series), self.values.shape[1]))
        starts = None if self.starts_ms is None else np.empty(values.shape, dtype=np.int64)
        for piece in in_pieces(series, budget):
            part = slice(len(labels), len(labels) + len(piece))
            labels.extend([self.labels[place] for place in piece.tolist()])
            values[part] = self.values[piece]
            if starts is not None and self.starts_ms is not None:
                starts[part] = self.starts_ms[piece]
        return AlignedSeries(
            labels=tuple(labels),
            times_ms=self.times_ms[is_used],
            values=values,
            rows=(np.cumsum(is_used) - 1)[rows],
            starts_ms=starts,
        )

    def columns(self, low: int, high: int) -> "AlignedSeries":
        """Return a view of the columns from `low` to before `high`."""
        starts = self.starts_ms
        return replace(
            self,
            times_ms=self.times_ms[:, low:high],
            values=self.values[:, low:high],
            starts_ms=None if starts is None else starts[:, low:high],
        )

    @property
    def sample_slots(self) -> int:
        """The number of samples that the matrix has room for: N * T."""
        return self.values.size


def stack(parts: Sequence[AlignedSeries]) -> AlignedSeries:
    """Return all series of `parts` in one matrix, their times padded to the longest.

    A kernel call costs microseconds whatever its size: stacked, 400 hosts with one series
    each take one call, not 400.
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
    return AlignedSeries(
        labels=tuple(labels), times_ms=times, values=values, rows=rows, starts_ms=starts
    )
