"""Bins of response times: neighbours merged, and their bounds."""

import numpy as np
from numpy.typing import NDArray

from storage.api.requests import BINS_PER_DOUBLING, LatencyCounts


def merged_bins(found: LatencyCounts, bins_per_doubling: int) -> tuple[range, NDArray[np.int64]]:
    """Return the numbers of the merged bins and their counts, shape (N, bins).

    Args:
        found: the counts.
        bins_per_doubling: 8, 4, 2 or 1; every bound of the merged bins is a bound of the others.
    """
    width = BINS_PER_DOUBLING // bins_per_doubling
    # Bin k of the merged ones holds the bins above (k - 1) * width and up to k * width.
    numbers = -(-(found.first_bin + np.arange(found.counts.shape[1])) // width)
    if not len(numbers):
        return range(0), found.counts
    starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    merged = np.add.reduceat(found.counts, starts, axis=1)
    return range(int(numbers[0]), int(numbers[-1]) + 1), merged


def bounds_us(number: int, bins_per_doubling: int) -> tuple[float, float]:
    """Return the bounds of a bin: its durations are above the first and up to the second.

    Bin 0 also holds durations of no whole microsecond.
    """
    low = 0.0 if number <= 0 else 2.0 ** ((number - 1) / bins_per_doubling)
    return low, 2.0 ** (number / bins_per_doubling)
