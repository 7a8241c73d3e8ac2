"""Range vectors: what a range selector or a subquery hands to a function."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.labels import Labels
from model.series import ABSENT, AlignedSeries, Times
from promql.guard import Guard
from promql.over_time import Kernel
from promql.samples import Samples, Windows, without_gaps
from promql.vectors import Floats, Mask, Scalars, Steps, Vector, concatenated


@dataclass(frozen=True, slots=True, eq=False)
class RangeVector:
    """The windows of some series at every step, in few matrices.

    Attributes:
        parts: matrices of series with their windows.
        one_name: whether all series have the same metric name.
        unnamed: which series, over all parts, lose their names; None: none.
    """

    parts: Sequence[Windows]
    one_name: bool
    unnamed: Mask | None = None

    @property
    def labels(self) -> list[Labels]:
        """The label sets of all series."""
        return [labels for part in self.parts for labels in part.samples.labels]

    def apply(
        self, kernel: Kernel, parameters: Sequence[Scalars], steps: Steps, guard: Guard
    ) -> Vector:
        """Run a kernel over all windows, block by block."""
        vectors = []
        for windows in self.parts:
            values, present = _run(windows, kernel, parameters, guard)
            vectors.append(Vector(windows.samples.labels, values, present))
        vector = concatenated(vectors, steps.count)
        result = Vector(vector.labels, vector.values, vector.present, self.unnamed, self.one_name)
        return result.occupied()


def _run(
    windows: Windows, kernel: Kernel, parameters: Sequence[Scalars], guard: Guard
) -> tuple[Floats, Mask]:
    values: Floats | None = None
    present: Mask | None = None
    for part, block in windows.blocks():
        guard.check()
        found, here = kernel(block, *parameters)
        if len(found) == len(windows.samples):
            return found, here
        if values is None or present is None:
            values = np.empty(windows.shape)
            present = np.empty(windows.shape, dtype=np.bool_)
        values[part], present[part] = found, here
    if values is None or present is None:
        return np.empty(windows.shape), np.empty(windows.shape, dtype=np.bool_)
    return values, present


def repeated(vector: Vector, times: Steps) -> Samples:
    """Return an inner query's results over its own steps as samples."""
    values = vector.values
    if not vector.present.all():
        values = np.where(vector.present, values, ABSENT)
    rows = np.zeros(len(vector), dtype=np.intp)
    aligned = AlignedSeries(tuple(vector.labels), times.times_ms[np.newaxis], values, rows)
    return without_gaps(aligned, keep_stale=False)


def inner_steps(ends_ms: Times, range_ms: int, step_ms: int) -> Steps:
    """Return a subquery's times: multiples of its step that some window holds."""
    low, high = int(ends_ms[0]) - range_ms, int(ends_ms[-1])
    first = (low // step_ms + 1) * step_ms
    times = np.arange(first, high + 1, step_ms, dtype=np.int64)
    if len(ends_ms) > 1 and int(ends_ms[1] - ends_ms[0]) > range_ms:
        # The next window's end must come before this time has left it.
        window = np.minimum(ends_ms.searchsorted(times, "left"), len(ends_ms) - 1)
        times = times[times > ends_ms[window] - range_ms]
    return Steps(times)
