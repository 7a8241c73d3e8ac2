"""The range functions that sort each window's samples: quantiles and deviations.

Windows are copied side by side into one array and sorted, a batch at a time.

Source: Prometheus documentation, "Query functions", quantile_over_time() and mad_over_time().
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from promql.kernels.arrays import Floats, Indices, Mask, Scalars
from promql.kernels.quantiles import interpolation, replace_out_of_range
from promql.kernels.ranges.windows import Windows

Result = tuple[Floats, Mask]

GATHERED_CELLS: Final = 1 << 18
"""Samples copied and sorted at once: 2 MiB."""


@dataclass(frozen=True, slots=True, eq=False)
class _SortedWindows:
    """A batch of windows, each sorted: n series at s steps, up to W samples each.

    Attributes:
        values: shape (n, s, W), ascending; NaN and padding last.
        count: the number of samples in each window, shape (n, s) or (1, 1).
        nans: how many of them are NaN, same shape.
    """

    values: Floats
    count: Indices
    nans: Indices

    def quantile(self, quantile: Scalars) -> Floats:
        """Return each window's quantile; NaN sorts below all other values."""
        lower, upper, weight = interpolation(quantile, self.count)
        return self._at(lower) * (1 - weight) + self._at(upper) * weight

    def _at(self, index: Indices) -> Floats:
        values = self.values
        if index.size == 1 and not self.nans.any():
            return values[:, :, int(index.flat[0])]
        columns = np.broadcast_to(index - self.nans, values.shape[:2])
        columns = np.clip(columns, 0, values.shape[2] - 1)[..., np.newaxis]
        found = np.take_along_axis(values, columns, axis=2)[..., 0]
        return np.where(index < self.nans, np.nan, found) if self.nans.any() else found


def _regular(windows: Windows) -> tuple[int, int] | None:
    """Return (width, stride) if all windows have one width and even spacing, else None."""
    first, count = windows.first, windows.count
    if len(first) > 1 or first.shape[1] < 2:
        return None
    width = int(count[0, 0])
    strides = np.diff(first[0])
    stride = int(strides[0])
    if width < 1 or stride < 1 or (count != width).any() or (strides != stride).any():
        return None
    return width, stride


def _sort_regular(
    values: Floats, first: int, width: int, stride: int, steps: int
) -> _SortedWindows:
    """Copy and sort windows of equal width: one strided copy instead of a gather."""
    view = sliding_window_view(values[:, first:], width, axis=1)[:, ::stride][:, :steps]
    sorted_values = np.array(view)
    sorted_values.sort(axis=2)
    nans = np.zeros((1, 1), dtype=np.intp)
    if math.isnan(float(sorted_values[:, :, -1].sum())):
        nans = np.add.reduce(np.isnan(sorted_values), axis=2, dtype=np.intp)
    return _SortedWindows(sorted_values, np.full((1, 1), width, dtype=np.intp), nans)


def _sort_any(windows: Windows, part: slice, steps: slice) -> _SortedWindows:
    """Copy and sort windows of any widths."""
    samples = windows.samples
    first = samples.expand(windows.first[:, steps])
    count = samples.expand(windows.count[:, steps])
    if len(first) > 1:
        first, count = first[part], count[part]
    width = max(1, int(count.max(initial=0)))
    columns = windows.inside(first[..., np.newaxis] + np.arange(width))
    values = samples.values[part]
    if len(columns) == 1:
        sorted_values = values.take(columns[0], axis=1)
    else:
        flat = columns.reshape(len(columns), -1)
        sorted_values = np.take_along_axis(values, flat, axis=1).reshape(columns.shape)
    beyond = np.arange(width) >= count[..., np.newaxis]
    nans = np.zeros((1, 1), dtype=np.intp)
    # Check the samples, not the windows: each sample lies in many windows.
    if np.isnan(values).any():
        nans = np.add.reduce(np.isnan(sorted_values) & ~beyond, axis=2, dtype=np.intp)
    np.copyto(sorted_values, np.nan, where=beyond)
    sorted_values.sort(axis=2)
    return _SortedWindows(sorted_values, np.broadcast_to(count, sorted_values.shape[:2]), nans)


def _per_window(windows: Windows, compute: Callable[[_SortedWindows, slice], Floats]) -> Result:
    """Sort the windows batch by batch and apply `compute` to each batch."""
    result = np.zeros(windows.shape)
    if len(windows.first) > 1 and windows.shape[1] >= _STEPS_WORTH_A_ROW:
        for series, own in windows.by_row():
            result[series] = _sorted_results(own, compute)
    else:
        result[:] = _sorted_results(windows, compute)
    return result, windows.holding(1)


# From this many steps on, sorting each source's windows separately beats one gather of all.
_STEPS_WORTH_A_ROW: Final = 16


def _sorted_results(windows: Windows, compute: Callable[[_SortedWindows, slice], Floats]) -> Floats:
    result = np.zeros(windows.shape)
    for step_slice in _step_slices(windows):
        _sort_steps(windows, step_slice, compute, result)
    return result


def _step_slices(windows: Windows) -> list[slice]:
    """Split the steps so that the longest run of equally wide windows stands alone.

    The first windows of a query are often narrower: they begin before the first sample.
    """
    count = windows.count
    if len(count) > 1 or count.shape[1] < 2:
        return [slice(0, count.shape[1])]
    changes = np.flatnonzero(np.diff(count[0])) + 1
    ends = [0, *changes.tolist(), count.shape[1]]
    lengths = np.diff(ends)
    longest = int(lengths.argmax())
    if lengths[longest] < _STEPS_WORTH_A_ROW:
        return [slice(0, count.shape[1])]
    begin, end = ends[longest], ends[longest + 1]
    pieces = (slice(0, begin), slice(begin, end), slice(end, count.shape[1]))
    return [piece for piece in pieces if piece.start < piece.stop]


def _sort_steps(
    windows: Windows,
    step_slice: slice,
    compute: Callable[[_SortedWindows, slice], Floats],
    result: Floats,
) -> None:
    own = replace(windows, first=windows.first[:, step_slice], stop=windows.stop[:, step_slice])
    series, steps = own.shape
    width = max(1, int(own.count.max(initial=0)))
    many = max(1, GATHERED_CELLS // width)
    step_size = max(1, min(steps, many))
    series_size = max(1, many // step_size)
    regular = _regular(own)
    for start in range(0, series, series_size):
        part = slice(start, start + series_size)
        for step in range(0, steps, step_size):
            windows.check()
            piece = slice(step, step + step_size)
            if regular is None:
                batch = _sort_any(own, part, piece)
            else:
                values = own.samples.values[part]
                first = int(own.first[0, step])
                batch = _sort_regular(values, first, *regular, min(step_size, steps - step))
            at = slice(step_slice.start + step, step_slice.start + min(step + step_size, steps))
            result[part, at] = compute(batch, at)


def quantile_over_time(windows: Windows, quantile: Scalars) -> Result:
    """The φ-quantile; ±Inf if φ is below 0 or above 1."""

    def compute(batch: _SortedWindows, steps: slice) -> Floats:
        return batch.quantile(quantile if len(quantile) == 1 else quantile[steps])

    values, present = _per_window(windows, compute)
    return replace_out_of_range(values, quantile), present


def mad_over_time(windows: Windows) -> Result:
    """The median of the absolute deviations from the median."""
    half = np.array([0.5])

    def compute(batch: _SortedWindows, _steps: slice) -> Floats:
        deviations = np.abs(batch.values - batch.quantile(half)[..., np.newaxis])
        deviations.sort(axis=2)
        median = _SortedWindows(deviations, batch.count, batch.nans).quantile(half)
        return np.where(batch.nans > 0, np.nan, median)

    return _per_window(windows, compute)
