"""Interpolation between the two sorted values next to a quantile.

Source: Prometheus, promql/quantile.go.
"""

import numpy as np

from promql.kernels.arrays import Floats, Indices, Scalars


def interpolation(quantile: Scalars, count: Indices) -> tuple[Indices, Indices, Floats]:
    """Return the index below a quantile, the index above it, and the upper one's weight.

    Args:
        quantile: φ; values outside of [0, 1] are clipped, NaN is 0.
        count: the number of sorted values; broadcast with `quantile`.
    """
    last = np.maximum(count - 1, 0)
    rank = np.clip(np.nan_to_num(quantile) * last, 0, last)
    lower = np.floor(rank).astype(np.intp)
    return lower, np.minimum(lower + 1, last), rank - lower


def replace_out_of_range(values: Floats, quantile: Scalars) -> Floats:
    """Return -Inf, +Inf or NaN where φ is below 0, above 1 or NaN, else `values`."""
    if ((quantile >= 0) & (quantile <= 1)).all():
        return values
    outside = np.where(quantile < 0, -np.inf, np.where(quantile > 1, np.inf, np.nan))
    return np.where((quantile >= 0) & (quantile <= 1), values, outside)
