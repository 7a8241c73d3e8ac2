"""Sums that keep what rounding takes away.

Prometheus adds with Neumaier's variant of Kahan's algorithm, one value after the
other. Here pairs are added, then pairs of pairs, with the rounding error of every
addition kept and added at the end (the same idea with Knuth's TwoSum): at least as
exact, and each level is a handful of calls for all series and steps at once.
"""

from typing import Final

import numpy as np

from promql.kernels.vectors import Floats, Indices

Pair = tuple[Floats, Floats]
"""A sum and its error; their sum is the exact result, nearly."""


def two_sum(left: Floats, right: Floats) -> Pair:
    """Return the sum and its rounding error; 0 where the sum is not finite.

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
    """Return the one number a sum and its error stand for."""
    total, error = pair
    result = total + error
    if np.isfinite(result).all():
        return result
    # An infinite or NaN sum has a NaN error and no need of it.
    return np.where(np.isfinite(total), result, total)


def sum_along(values: Floats, axis: int) -> Pair:
    """Add up an array along one of its axes, which the results lack.

    The first half is added to the second, again and again: slices, where neighbours
    would have to be gathered.
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
    """Add up consecutive rows, group by group.

    Args:
        values: shape (N, S), the rows of a group next to each other.
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
    """Add the rows of each group in pairs; an odd one out stays."""
    rows = len(total)
    sizes = np.append(starts[1:], rows) - starts
    kept = (sizes + 1) // 2
    targets = np.concatenate([[0], np.cumsum(kept)])
    new_starts = targets[:-1]
    # Row r of a group goes left if its rank is even; its partner is the next one.
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
"""Makes room before a mean overflows; a power of two, so that nothing is lost."""
