"""Long sequences in pieces, so that work on them can be stopped or paused between two."""

from collections.abc import Iterator
from typing import Final, Protocol, Self, TypeVar

_PIECE: Final = 2_000
"""Work on so many label sets takes some 2 ms; on a million it would take a second."""


class WorkBudget(Protocol):
    """The limits of a query, checked during long work."""

    def check(self) -> None:
        """Raise to stop the work."""


class Sliceable(Protocol):
    """A sequence or an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice, /) -> Self: ...


S = TypeVar("S", bound=Sliceable)


def in_pieces(items: S, budget: WorkBudget | None = None) -> Iterator[S]:
    """Yield a few thousand items at a time; check the budget before each piece."""
    for at in range(0, len(items), _PIECE):
        if budget is not None:
            budget.check()
        yield items[at : at + _PIECE]
