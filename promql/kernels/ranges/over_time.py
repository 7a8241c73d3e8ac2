"""The functions of all samples in a range: `…_over_time`, `deriv`, `changes`, ….

Each kernel takes the windows of a block of series. It returns the values and which of
them are present, both of shape (series, steps).

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.compensated import SCALE, closed
from promql.kernels.ranges.folding import State, exact_sum, extremes, fold, moments
from promql.kernels.ranges.ordered import mad_over_time, quantile_over_time
from promql.kernels.ranges.prediction import (
    deriv,
    double_exponential_smoothing,
    predict_linear,
)
from promql.kernels.ranges.shifting import shifted
from promql.kernels.ranges.start_times import restarts
from promql.kernels.ranges.windows import Windows

Result = tuple[Floats, Mask]
Kernel = Callable[..., Result]


def _wide(windows: Windows, array: Floats) -> Floats:
    """Expand an array of shape (G, S) or (1, S) to (N, S)."""
    expanded = windows.samples.expand(array)
    return np.ascontiguousarray(np.broadcast_to(expanded, windows.shape))


def count_over_time(windows: Windows) -> Result:
    """The number of samples."""
    return _wide(windows, windows.count.astype(np.float64)), windows.holding(1)


def present_over_time(windows: Windows) -> Result:
    """1 if the range holds any sample."""
    return np.ones(windows.shape), windows.holding(1)


def first_over_time(windows: Windows) -> Result:
    """The oldest sample."""
    return windows.samples.pick(windows.first_columns()), windows.holding(1)


def last_over_time(windows: Windows) -> Result:
    """The newest sample."""
    return windows.samples.pick(windows.last_columns()), windows.holding(1)


def ts_of_first_over_time(windows: Windows) -> Result:
    """The time of the oldest sample."""
    times = windows.samples.pick_times(windows.first_columns()) / 1000
    return _wide(windows, times), windows.holding(1)


def ts_of_last_over_time(windows: Windows) -> Result:
    """The time of the newest sample."""
    times = windows.samples.pick_times(windows.last_columns()) / 1000
    return _wide(windows, times), windows.holding(1)


def _sums(windows: Windows, values: Floats) -> Floats:
    base = (values, np.broadcast_to(0.0, values.shape))
    total, error = fold(windows, base, exact_sum)
    return closed((total, error))


def sum_over_time(windows: Windows) -> Result:
    """The compensated sum."""
    return _sums(windows, windows.samples.values), windows.holding(1)


def avg_over_time(windows: Windows) -> Result:
    """The mean, also where the sum overflows."""
    values = windows.samples.values
    count = windows.samples.expand(np.maximum(windows.count, 1))
    total = _sums(windows, values)
    overflown = ~np.isfinite(total)
    mean: Floats = total / count
    if overflown.any():
        scaled = _sums(windows, values * SCALE) / count / SCALE
        mean = np.where(overflown, scaled, mean)
    return mean, windows.holding(1)


def min_over_time(windows: Windows) -> Result:
    """The smallest value; NaN if all are NaN."""
    return extremes(windows, np.fmin), windows.holding(1)


def max_over_time(windows: Windows) -> Result:
    """The largest value; NaN if all are NaN."""
    return extremes(windows, np.fmax), windows.holding(1)


def stdvar_over_time(windows: Windows) -> Result:
    """The population variance."""
    values, _ = shifted(windows)
    # An infinity makes the mean infinite and so a deviation NaN, also if it stands alone.
    infinite = np.isinf(values)
    if infinite.any():
        values = np.where(infinite, np.nan, values)
    base = (values, np.broadcast_to(0.0, values.shape))
    squares = fold(windows, base, moments)[1]
    count = windows.samples.expand(np.maximum(windows.count, 1))
    lone = np.where(np.isfinite(windows.samples.pick(windows.last_columns())), squares, np.nan)
    return np.where(count == 1, lone, squares) / count, windows.holding(1)


def stddev_over_time(windows: Windows) -> Result:
    """The population standard deviation."""
    variance, present = stdvar_over_time(windows)
    return np.sqrt(variance), present


def ts_of_max_over_time(windows: Windows) -> Result:
    """The time of the largest sample, the last one of several."""
    return _time_of(windows, np.greater_equal)


def ts_of_min_over_time(windows: Windows) -> Result:
    """The time of the smallest sample, the last one of several."""
    return _time_of(windows, np.less_equal)


def _time_of(windows: Windows, better: Callable[[Floats, Floats], Mask]) -> Result:
    def later(left: State, right: State, _left: Indices | int, _right: int) -> State:
        wins = better(right[0], left[0]) | np.isnan(left[0])
        return np.where(wins, right[0], left[0]), np.where(wins, right[1], left[1])

    samples = windows.samples
    times = np.broadcast_to(samples.expand(samples.times_ms / 1000), samples.values.shape)
    best = fold(windows, (samples.values, times), later)
    return best[1], windows.holding(1)


def pairs_inside(windows: Windows, marks: Mask) -> Floats:
    """Count the marked pairs of neighbouring samples in each window; `marks` is (N, T - 1)."""
    running = np.zeros(windows.samples.values.shape, dtype=np.int64)
    np.cumsum(marks, axis=1, out=running[:, 1:])
    if len(windows.first) == 1:
        first, last = windows.first_columns()[0], windows.last_columns()[0]
        return (running[:, last] - running[:, first]).astype(np.float64)
    rows = windows.samples.rows
    upper = np.take_along_axis(running, windows.last_columns()[rows], axis=1)
    lower = np.take_along_axis(running, windows.first_columns()[rows], axis=1)
    return (upper - lower).astype(np.float64)


def changes(windows: Windows) -> Result:
    """The number of changes; NaN after NaN is no change."""
    values = windows.samples.values
    before, after = values[:, :-1], values[:, 1:]
    marks = (before != after) & ~(np.isnan(before) & np.isnan(after))
    return pairs_inside(windows, marks), windows.holding(1)


def resets(windows: Windows) -> Result:
    """The number of resets: drops of the value, and restarts by start time."""
    values = windows.samples.values
    fell = values[:, 1:] < values[:, :-1]
    restarted = restarts(windows.samples)
    if restarted is not None:
        fell |= restarted
    return pairs_inside(windows, fell), windows.holding(1)


KERNELS: Final[dict[str, Kernel]] = {
    "avg_over_time": avg_over_time,
    "changes": changes,
    "count_over_time": count_over_time,
    "deriv": deriv,
    "double_exponential_smoothing": double_exponential_smoothing,
    "first_over_time": first_over_time,
    "last_over_time": last_over_time,
    "mad_over_time": mad_over_time,
    "max_over_time": max_over_time,
    "min_over_time": min_over_time,
    "predict_linear": predict_linear,
    "present_over_time": present_over_time,
    "quantile_over_time": quantile_over_time,
    "resets": resets,
    "stddev_over_time": stddev_over_time,
    "stdvar_over_time": stdvar_over_time,
    "sum_over_time": sum_over_time,
    "ts_of_first_over_time": ts_of_first_over_time,
    "ts_of_last_over_time": ts_of_last_over_time,
    "ts_of_max_over_time": ts_of_max_over_time,
    "ts_of_min_over_time": ts_of_min_over_time,
}
"""Kernels by function name; arguments after the windows are scalars at every step."""
