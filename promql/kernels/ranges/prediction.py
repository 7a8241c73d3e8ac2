"""The functions that fit a trend: `deriv`, `predict_linear`, `double_exponential_smoothing`.

Source: Prometheus documentation, "Query functions".
"""

import math

import numpy as np

from promql.api import EvaluationError
from promql.kernels.arrays import Floats, Mask, Scalars
from promql.kernels.ranges.folding import fold, line
from promql.kernels.ranges.shifting import shifted
from promql.kernels.ranges.windows import Windows
from promql.syntax.numbers import format_float

Result = tuple[Floats, Mask]


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
    values, anchor = shifted(windows)
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


def _fixed(value: float) -> str:
    """Format a number as Go's `%f`, with six decimals."""
    return f"{value:f}" if math.isfinite(value) else format_float(value)


def double_exponential_smoothing(windows: Windows, factor: Scalars, trend: Scalars) -> Result:
    """Holt's double exponential smoothing.

    Raises:
        EvaluationError: a factor is not between 0 and 1.
    """
    for name, given in (("smoothing", factor), ("trend", trend)):
        bad = given[~((given > 0) & (given < 1))]
        if bad.size:
            short = "sf" if name == "smoothing" else "tf"
            shown = f"Expected: 0 < {short} < 1, got: {_fixed(float(bad[0]))}"
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
