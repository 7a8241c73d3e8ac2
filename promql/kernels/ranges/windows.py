"""Windows: the samples of each series in the range of each step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promql.kernels.arrays import Indices, Mask
from promql.kernels.ranges.samples import GaplessSamples


def _nothing() -> None:
    """Never end the query; the default for callers without limits."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """A block of series, and the columns of their samples in the range of every step.

    Ranges are left-open: a sample at the start is outside.

    Attributes:
        samples: the block of series.
        first, stop: shape (G, S), or (1, S) if all rows have the same bounds: the column of a
            window's first sample, and the column after its last. Empty windows have
            stop <= first.
        starts_ms, ends_ms: shape (S,), the bounds of the ranges.
        steps_ms: shape (S,), the evaluation times; `ends_ms` plus the offset.
        check: raises if the query should end; slow kernels call it between batches.
    """

    samples: GaplessSamples
    first: Indices
    stop: Indices
    starts_ms: NDArray[np.int64]
    ends_ms: NDArray[np.int64]
    steps_ms: NDArray[np.int64]
    check: Callable[[], None] = _nothing

    @classmethod
    def over(
        cls,
        samples: GaplessSamples,
        starts_ms: NDArray[np.int64],
        ends_ms: NDArray[np.int64],
        steps_ms: NDArray[np.int64],
        check: Callable[[], None] = _nothing,
    ) -> "Windows":
        """Find the windows of `samples` at every step."""
        first, stop = samples.counts(starts_ms), samples.counts(ends_ms)
        windows = cls(samples, first, stop, starts_ms, ends_ms, steps_ms, check)
        return windows if len(first) == len(stop) else windows.with_bounds(first, stop)

    def with_bounds(self, first: Indices, stop: Indices) -> "Windows":
        """Return windows of the same series with other bounds."""
        first, stop = np.broadcast_arrays(first, stop)
        return replace(self, first=first, stop=stop)

    @property
    def count(self) -> Indices:
        """The number of samples in each window: shape (G, S) or (1, S)."""
        return self.stop - self.first

    @property
    def range_s(self) -> float:
        """The length of the windows, which all have the same."""
        return float(self.ends_ms[0] - self.starts_ms[0]) / 1000

    def holding(self, least: int) -> Mask:
        """Return which windows hold at least `least` samples: shape (N, S)."""
        enough = self.samples.expand(self.count >= least)
        if len(enough) == len(self.samples):
            return enough
        return np.repeat(enough, len(self.samples), axis=0)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of series and steps, (N, S)."""
        return len(self.samples), self.first.shape[1]

    def inside(self, columns: Indices) -> Indices:
        """Clip columns to existing ones; the results of empty windows are masked later."""
        # Faster than np.clip, whose wrapper costs more than the computation.
        inside: Indices = np.minimum(columns, self.samples.values.shape[1] - 1)
        return np.maximum(inside, 0, out=inside)

    def first_columns(self) -> Indices:
        """Return the column of each window's first sample, any column for empty windows."""
        return self.inside(self.first)

    def last_columns(self) -> Indices:
        """Return the column of each window's last sample, any column for empty windows."""
        return self.inside(self.stop - 1)

    @staticmethod
    def of_rows(columns: Indices, rows: Sequence[int] | Indices) -> Indices:
        """Return `first` or `stop` for some rows of times: (len(rows), S) or (1, S)."""
        return columns if len(columns) == 1 else columns[rows]

    def by_row(self) -> Iterator[tuple[Indices, "Windows"]]:
        """Yield the series (as indices) and the windows of each row of times."""
        samples = self.samples
        order = np.argsort(samples.rows, kind="stable")
        used, starts = np.unique(samples.rows[order], return_index=True)
        for row, series in zip(used.tolist(), np.split(order, starts[1:]), strict=True):
            own = GaplessSamples(
                [samples.labels[index] for index in series.tolist()],
                samples.times_ms[row : row + 1],
                samples.values[series],
                np.zeros(len(series), dtype=np.intp),
            )
            first, stop = self.of_rows(self.first, [row]), self.of_rows(self.stop, [row])
            yield series, replace(self, samples=own, first=first, stop=stop)
