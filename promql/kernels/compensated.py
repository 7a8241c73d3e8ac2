"""Compensated summation: sums with the rounding error of every addition.

Prometheus adds one value after the other with Neumaier's variant of Kahan's
algorithm. Here values are added in pairs, then pairs of pairs; the rounding errors
(Knuth's TwoSum) are summed separately and added at the end. The result is at least as
exact, and each level takes a few numpy calls for all series and steps at once.
"""

from typing import Final

import numpy as np

from promql.kernels.arrays import Floats, Indices

Pair = tuple[Floats, Floats]
"""A sum and its rounding error; adding them gives the compensated result."""


def two_sum(left: Floats, right: Floats) -> Pair:
    """Return the sum and its rounding error.

    Source: Knuth, The Art of Computer Programming, volume 2, 4.2.2.
    """
    total = left + right
    other = total - left
    error = total - other
    np.subtract(left, error, out=error)
    np.subtract(right, other, out=other)
    error += other
    return total, error


def add(left: Pair, right: Pair) -> Pair:
    """Add two sums with their errors."""
    total, error = two_sum(left[0], right[0])
    error += left[1]
    error += right[1]
    return total, error


def closed(pair: Pair) -> Floats:
    """Return the sum with its rounding error added."""
    total, error = pair
    result = total + error
    if np.isfinite(result).all():
        return result
    # The error of an infinite or NaN sum is NaN: leave it out.
    return np.where(np.isfinite(total), result, total)


def sum_along(values: Floats, axis: int) -> Pair:
    """Sum an array along an axis, which the result no longer has.

    Each pass adds the first half to the second half, which takes two slices; adding
    neighbours would take a gather.
    """
    total = np.moveaxis(values, axis, 0)
    error: Floats | None = None
    if len(total) == 1:
        return total[0].copy(), np.zeros_like(total[0])
    while len(total) > 1:
        half = len(total) // 2
        summed, lost = two_sum(total[:half], total[half : 2 * half])
        if error is not None:
            lost += error[:half]
            lost += error[half : 2 * half]
        if len(total) % 2:
            summed[0], rest = two_sum(summed[0], total[-1])
            lost[0] += rest
            if error is not None:
                lost[0] += error[-1]
        total, error = summed, lost
    return total[0], error[0] if error is not None else np.zeros_like(total[0])


def sum_groups(values: Floats, starts: Indices) -> Pair:
    """Sum consecutive rows, group by group.

    Args:
        values: shape (N, S), the rows of each group contiguous.
        starts: shape (G,), each group's first row, ascending from 0; no group is empty.

    Returns:
        Sums and errors of shape (G, S).
    """
    total = values
    error: Floats | None = None
    while len(total) > len(starts):
        total, error, starts = _halved(total, error, starts)
    return total, np.zeros_like(total) if error is None else error


def _halved(total: Floats, error: Floats | None, starts: Indices) -> tuple[Floats, Floats, Indices]:
    """Add the rows of each group in pairs; an odd last row is kept."""
    rows = len(total)
    sizes = np.append(starts[1:], rows) - starts
    kept = (sizes + 1) // 2
    targets = np.concatenate([[0], np.cumsum(kept)])
    new_starts = targets[:-1]
    # The left row of a pair has an even rank within its group; the right row follows it.
    ranks = np.arange(rows) - np.repeat(starts, sizes)
    left = np.flatnonzero(ranks % 2 == 0)
    paired = ranks[left] + 1 < np.repeat(sizes, sizes)[left]
    if paired.all():
        summed, lost = two_sum(total[left], total[left + 1])
        if error is not None:
            lost += error[left]
            lost += error[left + 1]
        return summed, lost, new_starts
    result = total[left]
    errors = np.zeros_like(result) if error is None else error[left]
    pairs = left[paired]
    summed, lost = two_sum(total[pairs], total[pairs + 1])
    if error is not None:
        lost += errors[paired]
        lost += error[pairs + 1]
    result[paired] = summed
    errors[paired] = lost
    return result, errors, new_starts


SCALE: Final = 2.0**-64
"""Scales values whose sum would overflow; a power of two, so that no digit is lost."""
