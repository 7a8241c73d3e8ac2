"""Comparison of label sets by their hashes.

Equal label sets have equal hashes, so label sets with different hashes differ. Unlike a set
of a million label sets, their hashes need no more than 8 MB, the garbage collector does not
visit them, and they are sorted without the GIL. Different label sets may have equal hashes,
too: callers compare those label sets, or treat them as equal where that is correct, too.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.pieces import WorkBudget, in_pieces

Hashes = NDArray[np.int64]
"""The hash of each label set, ascending; shape (number of label sets,)."""


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
