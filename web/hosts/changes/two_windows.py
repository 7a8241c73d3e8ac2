"""Compares each series in two windows of time: the Kolmogorov-Smirnov statistic and its chance.

The statistic D is the largest distance between the distributions of a series' values in the two
windows: 0 for the same values, 1 if no value of one lies among those of the other. It depends on
the order of values only, so that one outlier counts little and units do not matter.

Successive samples resemble each other, so that n of them say less than n independent ones.
Their effective number is n (1 - r) / (1 + r), r being the correlation of successive samples
within the windows. Hundreds of series are compared at once, of which some differ by chance:
Benjamini and Hochberg's procedure gives for each the share of chance among all series that
rank as high.

Sources: Stephens, JRSS B 32 (1970) 115, for the distribution of D; Bartlett, JRSS 98 (1935) 536,
for the effective number; Benjamini and Hochberg, JRSS B 57 (1995) 289.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

FEWEST: Final = 5
"""A window with fewer samples of a series says nothing about it."""

_MOST_CORRELATED: Final = 0.95
_TERMS: Final = 20
_MAD_TO_SIGMA: Final = 1.4826
"""Of a normal distribution, the median of the distances from the median is 1 / 1.4826 sigma."""
_LARGEST_SHIFT: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Figures of N series, each of shape (N,); NaN where a window has too few samples.

    Attributes:
        distance: D, 0 to 1.
        chance: the probability of so large a D if nothing had changed.
        shift: the medians' difference, in units of the spread that the series has in both
            windows; negative for a fall.
        median_before, median_after: the medians.
    """

    distance: Matrix
    chance: Matrix
    shift: Matrix
    median_before: Matrix
    median_after: Matrix


def compare(before: Matrix, after: Matrix) -> Comparison:
    """Compare series in two windows.

    Args:
        before: shape (N, samples), in order of time; NaN where there is no sample.
        after: the same.
    """
    counts = [np.isfinite(window).sum(axis=1) for window in (before, after)]
    enough = (counts[0] >= FEWEST) & (counts[1] >= FEWEST)
    distance = np.full(len(before), np.nan)
    chance, shift = distance.copy(), distance.copy()
    medians = [distance.copy(), distance.copy()]
    if enough.any():
        windows = before[enough], after[enough]
        distance[enough] = ks_distance(*windows)
        for median, window in zip(medians, windows, strict=True):
            median[enough] = np.nanmedian(window, axis=1)
        shift[enough] = _shift(*windows)
        own = [
            count[enough] * _independent(window)
            for count, window in zip(counts, windows, strict=True)
        ]
        chance[enough] = ks_chance(distance[enough], own[0] * own[1] / (own[0] + own[1]))
    return Comparison(distance, chance, shift, *medians)


def ks_distance(before: Matrix, after: Matrix) -> Matrix:
    """Return D of each series; see the module."""
    values = np.concatenate([before, after], axis=1)
    present = np.isfinite(values)
    values = np.where(present, values, np.inf)
    order = values.argsort(axis=1)
    values = np.take_along_axis(values, order, axis=1)
    shares = []
    # Whole numbers are added up, so that equal shares are exactly equal.
    for counted in (order < before.shape[1], order >= before.shape[1]):
        counts = (counted & np.take_along_axis(present, order, axis=1)).cumsum(axis=1)
        shares.append(counts / counts[:, -1:])
    # The distributions are compared behind all equal values, not among them.
    last = np.ones(values.shape, np.bool_)
    last[:, :-1] = values[:, 1:] != values[:, :-1]
    result: Matrix = np.where(last, np.abs(shares[0] - shares[1]), 0.0).max(axis=1)
    return result


def ks_chance(distance: Matrix, samples: Matrix) -> Matrix:
    """Return the probability of a D of at least this size, for n1 n2 / (n1 + n2) samples."""
    root = np.sqrt(samples)
    scaled = (root + 0.12 + 0.11 / root) * distance
    terms = np.arange(1, _TERMS + 1)
    exponents = -2.0 * np.square(scaled[:, None] * terms)
    total = 2.0 * ((-1.0) ** (terms - 1) * np.exp(exponents)).sum(axis=1)
    # Below 0.3 the sum has not converged, and the probability is 1 to five digits.
    return np.where(scaled < 0.3, 1.0, total.clip(0.0, 1.0))


def share_of_chance(chance: Matrix) -> Matrix:
    """Return Benjamini and Hochberg's adjusted probabilities; NaN stays NaN."""
    result = np.full(chance.shape, np.nan)
    known = np.flatnonzero(np.isfinite(chance))
    order = known[chance[known].argsort(kind="stable")]
    ranked = chance[order] * len(known) / np.arange(1, len(known) + 1)
    result[order] = np.minimum.accumulate(ranked[::-1])[::-1].clip(0.0, 1.0)
    return result


def _independent(window: Matrix) -> Matrix:
    """Return which share of a window's samples counts as independent."""
    deviations = window - np.nanmean(window, axis=1, keepdims=True)
    squares = np.nansum(np.square(deviations), axis=1)
    products = np.nansum(deviations[:, 1:] * deviations[:, :-1], axis=1)
    correlation = np.divide(products, squares, out=np.zeros_like(squares), where=squares > 0)
    correlation = correlation.clip(0.0, _MOST_CORRELATED)
    result: Matrix = (1 - correlation) / (1 + correlation)
    return result


def _shift(before: Matrix, after: Matrix) -> Matrix:
    medians = [np.nanmedian(window, axis=1) for window in (before, after)]
    around = [
        np.abs(window - median[:, None])
        for window, median in zip((before, after), medians, strict=True)
    ]
    spread = _MAD_TO_SIGMA * np.nanmedian(np.concatenate(around, axis=1), axis=1)
    # A series that stood still has no spread: a hundredth of its size stands in.
    floor = 0.01 * np.maximum(np.abs(medians[0]), np.abs(medians[1]))
    difference = medians[1] - medians[0]
    scale = np.maximum(spread, floor)
    shift = np.divide(difference, scale, out=np.zeros_like(difference), where=scale > 0)
    result: Matrix = shift.clip(-_LARGEST_SHIFT, _LARGEST_SHIFT)
    return result
