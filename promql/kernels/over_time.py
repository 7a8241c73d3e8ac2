"""The functions of all samples in a range: `…_over_time`, `deriv`, `changes`, ….

Each kernel takes the windows of a block of series. It returns the values and which of
them are present, both of shape (series, steps).

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from promql.api import EvaluationError
from promql.kernels.arrays import Floats, Indices, Mask, Scalars
from promql.kernels.compensated import SCALE, closed
from promql.kernels.folding import State, exact_sum, extremes, fold, line, moments
from promql.kernels.ordered import mad_over_time, quantile_over_time
from promql.kernels.start_times import restarts
from promql.kernels.windows import Windows
from promql.syntax.numbers import format_general

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


def _shifted(windows: Windows) -> tuple[Floats, Floats]:
    """Return the values minus a value of their series, and that value: (N, T) and (N, 1).

    Squares of large values lose digits: Unix times deviate by tens of seconds from a mean of
    billions.
    """
    values = windows.samples.values
    middle = values[:, values.shape[1] // 2][:, np.newaxis]
    anchor = np.where(np.isfinite(middle), middle, 0.0)
    return values - anchor, anchor


def stdvar_over_time(windows: Windows) -> Result:
    """The population variance."""
    values, _ = _shifted(windows)
    base = (values, np.broadcast_to(0.0, values.shape))
    squares = fold(windows, base, moments)[1]
    count = windows.samples.expand(np.maximum(windows.count, 1))
    # An infinity makes the mean infinite and every deviation NaN, also if it stands alone.
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


def _line(windows: Windows) -> tuple[Floats, Floats, Floats]:
    """Fit a line to each window: slope, mean time, mean value.

    Times are seconds since the first window's end, because Unix seconds would lose digits.
    """
    samples = windows.samples
    times = samples.expand(samples.times_ms - windows.ends_ms[0]) / 1000
    zeros = np.zeros((1, samples.values.shape[1]))
    if len(times) > 1:
        zeros = np.broadcast_to(0.0, samples.values.shape)
    flat = np.broadcast_to(0.0, samples.values.shape)
    values, anchor = _shifted(windows)
    middle, mean, across, up = fold(windows, (times, values, zeros, flat), line)
    slope = np.where(np.isfinite(mean), up / across, np.nan)
    return slope, middle, mean + anchor


def deriv(windows: Windows) -> Result:
    """The slope of the regression line, per second."""
    return _line(windows)[0], windows.holding(2)


def predict_linear(windows: Windows, duration_s: Scalars) -> Result:
    """The value of the regression line `duration_s` after the evaluation time."""
    slope, middle, mean = _line(windows)
    then = (windows.steps_ms - windows.ends_ms[0]) / 1000 + duration_s
    return mean + slope * (then - middle), windows.holding(2)


def double_exponential_smoothing(windows: Windows, factor: Scalars, trend: Scalars) -> Result:
    """Holt's double exponential smoothing.

    Raises:
        EvaluationError: a factor is not between 0 and 1.
    """
    for name, given in (("smoothing", factor), ("trend", trend)):
        bad = given[~((given > 0) & (given < 1))]
        if bad.size:
            short = "sf" if name == "smoothing" else "tf"
            shown = f"Expected: 0 < {short} < 1, got: {format_general(float(bad[0]))}"
            raise EvaluationError(f"invalid {name} factor. {shown}")
    first, count = windows.first, windows.count
    samples = windows.samples
    value = samples.pick(windows.first_columns())
    slope = samples.pick(windows.inside(first + 1)) - value
    before = value
    for index in range(1, int(count.max(initial=0))):
        windows.check()
        sample = samples.pick(windows.inside(first + index))
        if index > 1:
            slope = trend * (value - before) + (1 - trend) * slope
        smoothed = factor * sample + (1 - factor) * (value + slope)
        inside = samples.expand(count > index)
        before = np.where(inside, value, before)
        value = np.where(inside, smoothed, value)
    return value, windows.holding(2)


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
