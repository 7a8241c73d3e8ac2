"""Label sets in pieces of a few thousand.

Hashing a million label sets in one call holds the GIL for a second; nothing else runs then.
"""

from collections.abc import Iterable, Iterator, Set
from typing import Final

from model.labels import Labels
from storage.api.samples import ReadBudget

_PIECE: Final = 2_000
"""Hashing so many takes some 2 ms."""


def in_pieces(
    labels: tuple[Labels, ...], budget: ReadBudget | None = None
) -> Iterator[tuple[Labels, ...]]:
    """Yield label sets in pieces; check the budget before each."""
    for at in range(0, len(labels), _PIECE):
        if budget is not None:
            budget.check()
        yield labels[at : at + _PIECE]


def union(parts: Iterable[tuple[Labels, ...]], budget: ReadBudget | None = None) -> Set[Labels]:
    """Return the label sets of all parts as one set."""
    found: set[Labels] = set()
    for part in parts:
        for piece in in_pieces(part, budget):
            found.update(piece)
    return found


def have_common(
    some: Set[Labels], parts: Iterable[tuple[Labels, ...]], budget: ReadBudget | None = None
) -> bool:
    """Return whether a label set of any part is among some label sets."""
    return any(not some.isdisjoint(piece) for part in parts for piece in in_pieces(part, budget))
