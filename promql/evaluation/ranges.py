"""Range vectors, the results of range selectors and subqueries."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import Labels
from model.series import ABSENT, NO_TIME, AlignedSeries, Times, absent_matrix
from promql.evaluation.blocks import Part, in_blocks
from promql.kernels.arrays import Floats, Mask, Scalars
from promql.kernels.interruption import interruptible
from promql.kernels.ranges.over_time import Kernel
from promql.kernels.ranges.windows import Windows
from promql.kernels.reserved_labels import without_reserved
from promql.kernels.step_matrix import StepMatrix
from promql.kernels.steps import Steps
from promql.running.guard import Guard

_SPARSE: Final = 4
"""Blocks may be longer by this factor if the kernel skips most of their samples."""


@dataclass(frozen=True, slots=True, eq=False)
class RangeVector:
    """The samples of a range selector or subquery at every step.

    Attributes:
        parts: the series; may be an iterator.
        starts_ms, ends_ms: shape (S,), the bounds of the ranges.
        steps: the evaluation times.
        one_name: whether all series have the same metric name.
        drop_name: which series of a subquery lose their reserved labels; None for none.
        count: called with the windows of each block, for statistics.
    """

    parts: Iterable[AlignedSeries]
    starts_ms: Times
    ends_ms: Times
    steps: Steps
    one_name: bool
    drop_name: Mask | None = None
    count: Callable[[Windows], None] | None = None

    def windows(
        self, check: Callable[[], None], *, sparse: bool = False
    ) -> Iterator[tuple[Part, Windows]]:
        """Yield the windows of each block; blocks fit into a core's cache.

        Args:
            check: raises if the query should end.
            sparse: the kernel reads only a few samples of each window.
        """
        times_ms = self.steps.times_ms
        edges_ms = int(self.starts_ms[0]), int(self.ends_ms[-1])
        for series in self.parts:
            width = series.values.shape[1]
            columns = max(width // _SPARSE if sparse else width, len(times_ms))
            for part, samples in in_blocks(series, columns, edges_ms):
                check()
                windows = Windows.over(samples, self.starts_ms, self.ends_ms, times_ms, check)
                if self.count is not None:
                    self.count(windows)
                yield part, windows

    def apply(
        self,
        kernel: Kernel,
        parameters: Sequence[Scalars],
        guard: Guard,
        *,
        keep_name: bool,
        sparse: bool = False,
    ) -> Iterator[StepMatrix]:
        """Run a kernel over all windows; yield the series of each block that are present.

        Args:
            kernel: computes a value for each window.
            parameters: further arguments of the kernel.
            guard: the query's limits.
            keep_name: keep the metric name.
            sparse: the kernel reads only a few samples of each window.
        """
        for part, windows in self.windows(guard.check, sparse=sparse):
            values, present = kernel(windows, *parameters)
            labels = windows.samples.labels
            drop_name = None if self.drop_name is None else self.drop_name[part]
            if not keep_name:
                drop_name = np.ones(len(labels), dtype=np.bool_)
            yield StepMatrix(labels, values, present, drop_name, self.one_name).without_empty()

    def samples(self, check: Callable[[], None]) -> AlignedSeries:
        """Return the samples of every series in the range of the only step."""
        labels: list[Labels] = []
        times: list[Times] = []
        values: list[Floats] = []
        for part, windows in self.windows(check):
            samples = windows.samples
            names = list(samples.labels)
            if self.drop_name is not None:
                names = without_reserved(names, self.drop_name[part])
            first, stop = (
                np.broadcast_to(samples.expand(columns)[:, 0], len(names)).tolist()
                for columns in (windows.first, windows.stop)
            )
            for row, own in enumerate(interruptible(samples.rows.tolist())):
                if first[row] < stop[row]:
                    window = slice(first[row], stop[row])
                    labels.append(names[row])
                    times.append(samples.times_ms[own, window])
                    values.append(samples.values[row, window])
        return _ragged(labels, times, values)


def as_series(vector: StepMatrix, times: Steps) -> AlignedSeries:
    """Return a subquery's results at its inner steps as series of samples."""
    values = vector.values
    if not vector.present.all():
        values = np.where(vector.present, values, ABSENT)
    rows = np.zeros(len(vector), dtype=np.intp)
    return AlignedSeries(
        labels=tuple(vector.labels), times_ms=times.times_ms[np.newaxis], values=values, rows=rows
    )


def inner_steps(ends_ms: Times, range_ms: int, step_ms: int) -> Steps:
    """Return a subquery's inner steps: the multiples of its step inside of any window."""
    low, high = int(ends_ms[0]) - range_ms, int(ends_ms[-1])
    first = (low // step_ms + 1) * step_ms
    times = np.arange(first, high + 1, step_ms, dtype=np.int64)
    if len(ends_ms) > 1 and int(ends_ms[1] - ends_ms[0]) > range_ms:
        # Windows do not overlap: keep the times inside of the next window to end.
        window = np.minimum(ends_ms.searchsorted(times, "left"), len(ends_ms) - 1)
        times = times[times > ends_ms[window] - range_ms]
    return Steps(times)


def _ragged(labels: list[Labels], times: list[Times], values: list[Floats]) -> AlignedSeries:
    """Return series that share no timestamps as one padded matrix."""
    width = max(map(len, times), default=0)
    all_times = np.full((len(times), width), NO_TIME, dtype=np.int64)
    all_values = absent_matrix(len(times), width)
    for row, (own_times, own_values) in enumerate(zip(interruptible(times), values, strict=True)):
        all_times[row, : len(own_times)] = own_times
        all_values[row, : len(own_values)] = own_values
    return AlignedSeries(
        labels=tuple(labels),
        times_ms=all_times,
        values=all_values,
        rows=np.arange(len(labels), dtype=np.intp),
    )
