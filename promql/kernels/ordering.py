"""Sorts long arrays in short calls of numpy, and checks the query's limits between them.

One call that sorts a million numbers takes 100 ms. Sorted by 16 of their bits at a time, which
numpy does in linear time, no call takes more than 20 ms.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.interruption import check

Integers = NDArray[np.uint64] | Indices

_DIGIT_BITS: Final = 16
_MANY: Final = 200_000
"""Fewer numbers are sorted in one call, within 20 ms."""

_SIGN: Final = np.uint64(1 << 63)
_NAN: Final = np.uint64(2**64 - 2)
_ABSENT: Final = np.uint64(2**64 - 1)


def order_of(keys: Sequence[Integers], count: int) -> Indices:
    """Return the rows sorted by several keys; equal rows keep their order.

    Args:
        keys: non-negative integers of shape (N,); the first key is the most significant.
        count: N.

    Returns:
        Shape (N,).
    """
    order = np.arange(count, dtype=np.intp)
    for key in reversed(keys):
        bits = int(key.max(initial=0)).bit_length()
        if count <= _MANY and bits > _DIGIT_BITS:
            order = order[np.argsort(key[order], kind="stable")]
            continue
        for shift in range(0, bits, _DIGIT_BITS):
            check()
            digits = (key >> key.dtype.type(shift)).astype(np.uint16)[order]
            order = order[np.argsort(digits, kind="stable")]
    return order


def order_of_values(values: Floats, present: Mask | None = None) -> Indices:
    """Return the rows sorted by value, then NaN, then those that are not present.

    Args:
        values: shape (N,).
        present: shape (N,), None if all are.

    Returns:
        Shape (N,); equal values keep their order.
    """
    count = len(values)
    if count <= _MANY:
        if present is None or present.all():
            return np.argsort(values, kind="stable")
        return np.lexsort((values, ~present))
    # The bits of positive floats are in the order of the floats, those of negative ones reversed.
    # Adding 0 makes -0 equal to 0.
    check()
    bits = (values + 0.0).view(np.uint64)
    keys = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    check()
    keys[np.isnan(values)] = _NAN
    if present is not None:
        keys[~present] = _ABSENT
    return order_of([keys], count)


def distinct_places(numbers: Integers) -> tuple[Integers, Indices]:
    """Return the distinct numbers, ascending, and the place of each number among them.

    Args:
        numbers: non-negative integers, shape (N,).

    Returns:
        Shapes (D,) and (N,).
    """
    order = order_of([numbers], len(numbers))
    check()
    ordered = numbers[order]
    is_first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    places = np.empty(len(ordered), dtype=np.intp)
    places[order] = np.cumsum(is_first) - 1
    check()
    return ordered[is_first], places
