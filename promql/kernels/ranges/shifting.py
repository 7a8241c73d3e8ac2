"""Shifts values towards zero before they are squared."""

import numpy as np

from promql.kernels.arrays import Floats
from promql.kernels.ranges.windows import Windows


def shifted(windows: Windows) -> tuple[Floats, Floats]:
    """Return the values minus a value of their series, and that value: (N, T) and (N, 1).

    Squares of large values lose digits: Unix times deviate by tens of seconds from a mean of
    billions.
    """
    values = windows.samples.values
    middle = values[:, values.shape[1] // 2][:, np.newaxis]
    anchor = np.where(np.isfinite(middle), middle, 0.0)
    return values - anchor, anchor
