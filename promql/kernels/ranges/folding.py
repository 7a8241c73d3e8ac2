"""Folds an associative operation over every window, in log2(width) passes.

A window of 13 samples consists of pieces of 1, 4 and 8 samples. One call computes the
pieces of 2**k samples at all positions of all series from those of 2**(k-1); each window
then combines the pieces that make up its width. Unlike differences of running totals, this
loses no digits to samples outside of the window.
"""

from collections.abc import Callable

import numpy as np

from model.distinct import distinct
from promql.kernels.arrays import Floats, Indices
from promql.kernels.compensated import two_sum
from promql.kernels.ranges.samples import GaplessSamples, columns_of
from promql.kernels.ranges.windows import Windows

State = tuple[Floats, ...]
"""The folded state of every piece: arrays of shape (N or 1, positions)."""

Merge = Callable[[State, State, Indices | int, int], State]
"""Combines two neighbouring pieces: (left, right, samples in left, samples in right)."""


def fold(windows: Windows, base: State, merge: Merge) -> State:
    """Return the folded state of every window.

    Args:
        windows: the windows; the state of an empty one is undefined.
        base: the state of each single sample, arrays of shape (N or 1, T).
        merge: combines neighbours; the earlier one is on the left.

    Returns:
        Arrays of shape (N, S); or (1, S) for arrays of `base` with one row, if all series
        share their times.
    """
    first, stop = windows.first, windows.stop
    width = np.maximum(stop - first, 0)
    position = np.where(width > 0, first, _some(first, width))
    samples = windows.samples
    level, spacing = base, 1
    taken = np.zeros_like(width)
    result: State | None = None
    for power in range(int(width.max(initial=0)).bit_length()):
        windows.check()
        size = 1 << power
        chosen = (width & size) != 0
        if chosen.any():
            picked = _pick(samples, level, position)
            if result is None:
                result = picked
            elif chosen.all() and taken.all():
                result = merge(result, picked, _count(samples, taken), size)
            else:
                result = _mixed(samples, result, picked, taken, chosen, size, merge)
            taken = taken + np.where(chosen, size, 0)
            position = position + np.where(chosen, size // spacing, 0)
        if (width >> (power + 1)).any():
            level, position, spacing = _doubled(level, position, spacing, size, merge)
    if result is None:
        return tuple(np.zeros((len(each), first.shape[1])) for each in base)
    return result


def extremes(windows: Windows, better: np.ufunc) -> Floats:
    """Return the best sample of every window by `np.fmax` or `np.fmin`: shape (N, S).

    Samples may be compared twice, so two overlapping pieces, one at each end, cover a window
    of any width.
    """
    values = windows.samples.values
    if len(windows.first) > 1:
        return fold(windows, (values,), lambda one, other, *_: (better(one[0], other[0]),))[0]
    first, width = windows.inside(windows.first[0]), np.maximum(windows.count[0], 1)
    result = np.empty(windows.shape)
    # Windows that start before the first sample all begin with that sample.
    alike = int((first != first[0]).argmax()) or len(first)
    low, high = int(first[0]), int(first[0] + width[:alike].max())
    running = better.accumulate(values[:, low:high], axis=1)
    result[:, :alike] = running[:, width[:alike] - 1]
    # The exponent of the longest piece that fits; frexp is exact, a logarithm is not.
    powers = np.frexp(width)[1] - 1
    powers[:alike] = -1
    for power in distinct(powers[alike:]).tolist():
        chosen = np.flatnonzero(powers == power)
        left = first[chosen]
        right = left + width[chosen] - (1 << power)
        result[:, chosen] = _best(windows, better, left, right, power)
    return result


def _best(windows: Windows, better: np.ufunc, left: Indices, right: Indices, power: int) -> Floats:
    """Return the best sample of two pieces of 2**power samples, at `left` and at `right`."""

    def merge(one: State, other: State, _one: Indices | int, _other: int) -> State:
        return (better(one[0], other[0]),)

    low, high = int(left.min()), int(right.max()) + (1 << power)
    level: State = (windows.samples.values[:, low:high],)
    positions, spacing = np.stack([left, right]) - low, 1
    for smaller in range(power):
        windows.check()
        level, positions, spacing = _doubled(level, positions, spacing, 1 << smaller, merge)
    begin, end = (_pick(windows.samples, level, each[np.newaxis])[0] for each in positions)
    best: Floats = better(begin, end)
    return best


def _some(first: Indices, width: Indices) -> int:
    """Return the first column of a window with samples, 0 if no window has any."""
    filled = first[width > 0]
    return int(filled[0]) if filled.size else 0


def _count(samples: GaplessSamples, taken: Indices) -> Indices:
    """Expand counts of shape (G, S) to the shape of the states, (N, S)."""
    return samples.expand(taken)


def _pick(samples: GaplessSamples, level: State, position: Indices) -> State:
    columns = np.maximum(np.minimum(position, level[0].shape[1] - 1), 0)
    if len(columns) == 1:
        return tuple(columns_of(each, columns[0]) for each in level)
    wide = columns[samples.rows]
    return tuple(_gathered(each, wide) for each in level)


def _gathered(values: Floats, columns: Indices) -> Floats:
    """Return the same as `np.take_along_axis`, in half the time."""
    rows = np.arange(len(values)) * values.shape[1] if len(values) > 1 else np.zeros(1, np.intp)
    found: Floats = values.ravel().take(columns + rows[:, np.newaxis])
    return found


def _mixed(
    samples: GaplessSamples,
    result: State,
    picked: State,
    taken: Indices,
    chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    size: int,
    merge: Merge,
) -> State:
    """Merge `picked` into windows that have a state already; start the state of the others."""
    joined = merge(result, picked, _count(samples, np.maximum(taken, 1)), size)
    both = samples.expand(chosen & (taken > 0))
    fresh = samples.expand(chosen & (taken == 0))
    return tuple(
        np.where(both, new, np.where(fresh, piece, old))
        for new, piece, old in zip(joined, picked, result, strict=True)
    )


def _doubled(
    level: State, position: Indices, spacing: int, size: int, merge: Merge
) -> tuple[State, Indices, int]:
    """Return pieces twice as long, at the positions that some window still needs.

    If steps are wider than scrapes, most positions are not needed: while all needed ones
    are even (or all odd), the others are skipped.
    """
    shift = size // spacing
    parity = int(position.flat[0]) & 1
    if shift and not ((position & 1) != parity).any():
        left = tuple(each[:, parity::2] for each in level)
        right = tuple(each[:, parity + shift :: 2] for each in level)
        position, spacing = (position - parity) >> 1, spacing * 2
    else:
        left, right = level, tuple(each[:, shift:] for each in level)
    length = right[0].shape[1]
    if not length:
        return level, position, spacing
    joined = merge(tuple(each[:, :length] for each in left), right, size, size)
    return joined, position, spacing


def moments(left: State, right: State, lefts: Indices | int, rights: int) -> State:
    """Merge (mean, sum of squared deviations).

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1979.
    """
    delta = right[0] - left[0]
    total = lefts + rights
    mean = left[0] + delta * (rights / total)
    squares = left[1] + right[1] + delta * delta * (lefts * rights / total)
    return mean, squares


def line(left: State, right: State, lefts: Indices | int, rights: int) -> State:
    """Merge (mean x, mean y, sum of dx*dx, sum of dx*dy), from which a regression line follows."""
    total = lefts + rights
    share, weight = rights / total, lefts * rights / total
    across, up = right[0] - left[0], right[1] - left[1]
    return (
        left[0] + across * share,
        left[1] + up * share,
        left[2] + right[2] + across * across * weight,
        left[3] + right[3] + across * up * weight,
    )


def exact_sum(left: State, right: State, _left: Indices | int, _right: int) -> State:
    """Merge (sum, rounding error), see `promql.kernels.compensated`."""
    total, error = two_sum(left[0], right[0])
    error += left[1]
    error += right[1]
    return total, error
