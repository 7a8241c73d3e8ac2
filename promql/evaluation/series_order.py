"""Sorts many series by keys that are compared in Python's C code, which holds the GIL."""

import heapq
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from promql.kernels.interruption import interruptible, pieces

_SORTED_AT_ONCE: Final = 5_000
"""Series sorted in one call: a million at once would hold the GIL for seconds."""


def sorted_rows(count: int, key: Callable[[int], Any], *, descending: bool = False) -> list[int]:
    """Return the rows from 0 to `count - 1`, sorted by their keys; equal keys keep their order."""
    runs = []
    for start in range(0, count, _SORTED_AT_ONCE):
        run = range(start, min(start + _SORTED_AT_ONCE, count))
        runs.append(sorted(interruptible(run), key=key, reverse=descending))
    if len(runs) == 1:
        return runs[0]
    merged = heapq.merge(*runs, key=key, reverse=descending)
    rows: list[int] = []
    for piece in pieces(range(count)):
        rows.extend(islice(merged, len(piece)))
    return rows
