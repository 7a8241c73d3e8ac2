"""Comparison of label sets by their hashes.

Equal label sets have equal hashes, so label sets with different hashes differ. Unlike a set
of a million label sets, their hashes need no more than 8 MB, the garbage collector does not
visit them, and they are sorted without the GIL. Different label sets may have equal hashes,
too: callers compare those label sets, or treat them as equal where that is correct, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels

Hashes = NDArray[np.int64]
"""The hash of each label set, ascending; shape (number of label sets,)."""

_PIECE: Final = 2_000
"""Hashing so many takes some 2 ms. A million in one call would hold the GIL for a second."""


class WorkBudget(Protocol):
    """The limits of a query, checked during long work."""

    def check(self) -> None:
        """Raise to stop the work."""


def in_pieces(
    labels: Sequence[Labels], budget: WorkBudget | None = None
) -> Iterator[Sequence[Labels]]:
    """Yield label sets in pieces of a few thousand; check the budget before each."""
    for at in range(0, len(labels), _PIECE):
        if budget is not None:
            budget.check()
        yield labels[at : at + _PIECE]


def hashes_of(parts: Iterable[Sequence[Labels]], budget: WorkBudget | None = None) -> Hashes:
    """Return the hashes of the label sets of all parts.

    Args:
        parts: label sets.
        budget: is checked every 2 ms; what it raises stops the work.
    """
    pieces = [
        np.fromiter(map(hash, piece), np.int64, len(piece))
        for part in parts
        for piece in in_pieces(part, budget)
    ]
    if not pieces:
        return np.empty(0, np.int64)
    hashes = np.concatenate(pieces)
    hashes.sort()
    return hashes


def repeated(hashes: Hashes) -> set[int]:
    """Return the hashes that occur more than once: only their label sets may be equal."""
    is_repeated: NDArray[np.bool_] = hashes[1:] == hashes[:-1]
    return set(hashes[1:][is_repeated].tolist()) if is_repeated.any() else set()


def have_common(some: Hashes, others: Hashes) -> bool:
    """Return whether any hash is in both."""
    fewer, more = sorted((some, others), key=len)
    if not len(fewer):
        return False
    places = np.searchsorted(more, fewer)
    return bool((more[np.minimum(places, len(more) - 1)] == fewer).any())
