"""Which sources a read visits."""

from collections.abc import Collection, Iterator, Mapping, Sequence
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

    def __init__(
        self, number: int, visited: list[int], layout: str = "of all", closed: Sequence[str] = ()
    ) -> None:
        self.source = SimpleNamespace(id=number)
        self.layout, self.closed = layout, closed
        self._visited = visited

    def views(self) -> list[str]:
        self._visited.append(self.source.id)
        return ["a chunk"]


class SomeHeads(dict[int, VisitedHead]):
    def __iter__(self) -> Iterator[VisitedHead]:  # type: ignore[override]
        return iter(self.values())


def index_of(
    heads: SomeHeads,
    windows: Sequence[object] = (),
    layouts: Mapping[int, str] | None = None,
    asked: list[int] | None = None,
) -> RangeIndex:
    known = layouts or {}

    def get(number: int, load: object) -> str:
        if asked is not None:
            asked.append(number)
        return known[number]

    return RangeIndex(
        cast("Heads", heads),
        cast("WindowSet", SimpleNamespace(overlapping=lambda start_ms, end_ms: windows)),
        cast("Sources", SimpleNamespace(hidden=frozenset())),
        cast("Layouts", SimpleNamespace(get=get)),
        cast("Damage", None),
    )


def selector_of(admitted: Collection[int] | None) -> "CachedSelector":
    selector = SimpleNamespace(
        admitted=lambda sources: admitted,
        may_select=lambda source, admitted, layout: admitted is None or source in admitted,
        has_metric=lambda layout: layout != "without the metric",
    )
    return cast("CachedSelector", selector)


@pytest.mark.parametrize("admitted", [None, {1, 2, 3}])
@pytest.mark.parametrize("only", [{3}, {3, 7}, set[int](), None])
def test_a_read_of_some_sources_visits_no_others(
    admitted: Collection[int] | None, only: Collection[int] | None
) -> None:
    visited: list[int] = []
    heads = SomeHeads({number: VisitedHead(number, visited) for number in range(10)})
    views, _, _ = index_of(heads).candidates(selector_of(admitted), 0, 1, only)
    expected = set(range(10) if admitted is None else admitted)
    if only is not None:
        expected &= set(only)
    assert set(visited) == set(views) == expected


@pytest.mark.parametrize("admitted", [None, {0, 1, 2, 3}])
def test_sources_without_the_metric_are_visited_only_for_their_closed_chunks(
    admitted: Collection[int] | None,
) -> None:
    visited: list[int] = []
    heads = SomeHeads(
        {
            0: VisitedHead(0, visited),
            1: VisitedHead(1, visited, "without the metric"),
            2: VisitedHead(2, visited, "without the metric", closed=["of another layout"]),
            3: VisitedHead(3, visited, closed=["of this layout"]),
        }
    )
    views, _, _ = index_of(heads).candidates(selector_of(admitted), 0, 1)
    assert set(visited) == set(views) == {0, 2, 3}


@pytest.mark.parametrize("only", [None, {0, 1, 2, 3}, {1, 3}])
@pytest.mark.parametrize("admitted", [None, {0, 1}])
def test_sources_with_a_matching_layout_on_disk_are_candidates(
    admitted: Collection[int] | None, only: Collection[int] | None
) -> None:
    layouts = {1: "with the metric", 2: "without the metric"}
    spans = {
        (0, 1): "a span",
        (1, 1): "a span",
        (1, 2): "a span",
        (2, 2): "a span",
        (3, 1): "a span",
    }
    window = SimpleNamespace(spans=spans, series_of=None)
    asked: list[int] = []
    index = index_of(SomeHeads(), windows=[window], layouts=layouts, asked=asked)
    _, _, found = index.candidates(selector_of(admitted), 0, 1, only)
    expected = {0, 1, 3} if admitted is None else set(admitted)
    assert set(found) == (expected if only is None else expected & set(only))
    assert sorted(asked) == [1, 2]
