"""Which sources a read visits."""

from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from storage.samples.reading.range_index import RangeIndex

if TYPE_CHECKING:
    from storage.damage import Damage
    from storage.samples.catalog.layouts import Layouts
    from storage.samples.catalog.sources import Sources
    from storage.samples.head.heads import Heads
    from storage.samples.reading.selection import CachedSelector
    from storage.samples.windows.window_set import WindowSet


class VisitedHead:
    """The head of a source; notes that its chunks are read."""

    closed = ()
    layout = "of all"

    def __init__(self, number: int, visited: list[int]) -> None:
        self.source = SimpleNamespace(id=number)
        self._visited = visited

    def views(self) -> list[str]:
        self._visited.append(self.source.id)
        return ["a chunk"]


class SomeHeads(dict[int, VisitedHead]):
    def __iter__(self) -> Iterator[VisitedHead]:  # type: ignore[override]
        return iter(self.values())


@pytest.mark.parametrize("admitted", [None, {1, 2, 3}])
@pytest.mark.parametrize("only", [{3}, {3, 7}, set[int](), None])
def test_a_read_of_some_sources_visits_no_others(
    admitted: Collection[int] | None, only: Collection[int] | None
) -> None:
    visited: list[int] = []
    heads = SomeHeads({number: VisitedHead(number, visited) for number in range(10)})
    selector = SimpleNamespace(admitted=lambda sources: admitted, concerns=lambda layout: False)
    index = RangeIndex(
        cast("Heads", heads),
        cast("WindowSet", SimpleNamespace(overlapping=lambda start_ms, end_ms: [])),
        cast("Sources", SimpleNamespace(hidden=frozenset())),
        cast("Layouts", None),
        cast("Damage", None),
    )
    views, _, _ = index.candidates(cast("CachedSelector", selector), 0, 1, only)
    expected = set(range(10) if admitted is None else admitted)
    if only is not None:
        expected &= set(only)
    assert set(visited) == set(views) == expected
