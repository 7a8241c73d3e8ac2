"""Sorts many series by their labels, a few thousand at a time.

Python sorts in C code that holds the GIL: to sort a million series in one call would stop
everything else for seconds.
"""

import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

import numpy as np

from model.labels import Labels
from promql.kernels.arrays import Indices
from promql.kernels.groups import values_of
from promql.kernels.interruption import check, interruptible, pieces
from promql.kernels.ordering import order_of

_SORTED_AT_ONCE: Final = 5_000
"""Series sorted in one call: a million at once would hold the GIL for seconds."""
_CHUNKS: Final = re.compile(r"0*(\d+)|(\D+)", re.ASCII)


def sorted_rows(count: int, key: Callable[[int], Any], *, descending: bool = False) -> Indices:
    """Return the rows from 0 to `count - 1`, sorted by their keys; equal keys keep their order.

    The key of a row is looked up twice: pass a function that computes nothing.
    """
    runs = []
    for start in range(0, count, _SORTED_AT_ONCE):
        run = range(start, min(start + _SORTED_AT_ONCE, count))
        runs.append(iter(sorted(interruptible(run), key=key, reverse=descending)))
    merged = heapq.merge(*runs, key=key, reverse=descending) if len(runs) > 1 else chain(*runs)
    rows = np.empty(count, dtype=np.intp)
    # Piece by piece: to convert a list of a million at once would take 50 ms.
    for piece in pieces(rows):
        piece[:] = list(islice(merged, len(piece)))
    return rows


def rows_by_labels(
    labels: Sequence[Labels], names: Sequence[str], *, descending: bool = False
) -> Indices:
    """Return the rows sorted by the values of some labels in natural order, then by all labels.

    Values are ranked first, and rows sorted by the ranks of their values: a million rows
    have few distinct values of most labels.

    Args:
        labels: N label sets.
        names: the labels, the most significant one first.
        descending: whether the order is reversed.

    Returns:
        Shape (N,).
    """
    ranks = [_natural_ranks(labels, name, descending=descending) for name in names]
    order = order_of(ranks, len(labels))
    for start, end in _equal_runs(order, ranks):
        rows = order[start:end]
        keys = [labels[row] for piece in pieces(rows) for row in piece.tolist()]
        rows[:] = rows[sorted_rows(len(keys), keys.__getitem__, descending=descending)]
    return order


def _natural_ranks(labels: Sequence[Labels], name: str, *, descending: bool) -> Indices:
    """Return the rank of each row's value among the values of a label: shape (N,)."""
    members, values = values_of(labels, name)
    keys = [natural_key(value) for value in interruptible(values)]
    ranks = np.empty(len(keys), dtype=np.intp)
    rank, before = -1, None
    for piece in pieces(sorted_rows(len(keys), keys.__getitem__, descending=descending)):
        for place in piece.tolist():
            # Values such as "1" and "01" have the same key, and the same rank.
            rank += keys[place] != before
            ranks[place], before = rank, keys[place]
    return np.concatenate([ranks[:0], *(ranks[piece] for piece in pieces(members))])


def natural_key(text: str) -> str:
    """Return a text whose order as a string is the natural order of `text`: `cpu2` before `cpu10`.

    Numbers are compared by their values, all other characters by their code points. A number
    and another character are compared by code points too: `#` comes before `1`, `a` after it.

    Source: github.com/facette/natsort, which Prometheus uses.
    """
    return _CHUNKS.sub(_key_of_chunk, text)


def _key_of_chunk(found: re.Match[str]) -> str:
    digits, rest = found.groups()
    if digits is None:
        # The end of a chunk sorts before every character. A NUL in it must not end it.
        return rest.replace("\0", "\0\1") + "\0\0"
    # Of two numbers without leading zeros, the longer one is larger.
    return f"0{chr(len(digits))}{digits}"


def _equal_runs(order: Indices, ranks: Sequence[Indices]) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of each run of several rows with equal ranks."""
    differs = np.ones(len(order) + 1, dtype=np.bool_)
    differs[1:-1] = False
    for rank in ranks:
        check()
        ranked = rank[order]
        differs[1:-1] |= ranked[1:] != ranked[:-1]
    edges = np.flatnonzero(differs)
    several = np.flatnonzero(np.diff(edges) > 1)
    for piece in pieces(several):
        yield from zip(edges[piece].tolist(), edges[piece + 1].tolist(), strict=True)
