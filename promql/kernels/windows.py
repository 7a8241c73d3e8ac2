"""Windows: which samples of a series lie in the range of each step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from promql.kernels.samples import Samples
from promql.kernels.vectors import Indices, Mask


def _nothing() -> None:
    """Nobody wants the query to end."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """A block of series and, for every step, which of their samples lie in its range.

    Ranges are left-open: a sample at the very start is outside.

    Attributes:
        first, stop: shape (G, S), or (1, S) where all rows are cut alike: the columns of
            a window's first sample and of the one behind its last; empty windows have
            stop <= first.
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
        windows = cls(samples, first, stop, starts_ms, ends_ms, steps_ms, check)
        return windows if len(first) == len(stop) else windows.cut(first, stop)

    def cut(self, first: Indices, stop: Indices) -> "Windows":
        """Return the same windows with other bounds."""
        first, stop = np.broadcast_arrays(first, stop)
        return replace(self, first=first, stop=stop)

    @property
    def count(self) -> Indices:
        """How many samples each window holds: shape (G, S) or (1, S)."""
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

    @staticmethod
    def of_rows(columns: Indices, rows: Sequence[int] | Indices) -> Indices:
        """Return `first` or `stop` for some rows of times: (len(rows), S) or (1, S)."""
        return columns if len(columns) == 1 else columns[rows]

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
            first, stop = self.of_rows(self.first, [row]), self.of_rows(self.stop, [row])
            yield series, replace(self, samples=own, first=first, stop=stop)
