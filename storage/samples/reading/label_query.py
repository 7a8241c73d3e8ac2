"""Label queries: the series, label names and label values in a range of time."""

import heapq
from collections.abc import Iterator, Sequence
from typing import TypeVar

from model.labels import Labels
from model.matchers import Matcher
from storage.samples.reading.range_index import RangeIndex
from storage.samples.reading.selection import SelectorCache
from storage.samples.windows.window_set import WindowSet

T = TypeVar("T", Labels, str)


class LabelQuery:
    """Implements the label methods of `SampleReader`; any thread."""

    def __init__(self, index: RangeIndex, windows: WindowSet, selectors: SelectorCache) -> None:
        self._index, self._windows, self._selectors = index, windows, selectors

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `SampleReader.series`."""
        return _first(set(self._labels(selectors, start_ms, end_ms)), limit)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """See `SampleReader.label_names`."""
        names: set[str] = set()
        if selectors:
            labels = self._labels(selectors, start_ms, end_ms)
            names.update(name for one in labels for name, _ in one)
        else:
            for source, layouts in self._index.used_layouts(start_ms, end_ms):
                names.update(name for name, _ in source.labels)
                names.update(*(layout.label_names for layout in layouts))
        return _first(names, limit)

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """See `SampleReader.label_values`."""
        if selectors:
            values = {labels.get(name) for labels in self._labels(selectors, start_ms, end_ms)}
        else:
            values = self._all_values(name, start_ms, end_ms)
        return _first(values - {""}, limit)

    def _labels(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> Iterator[Labels]:
        views = self._index.views()
        windows = self._windows.overlapping(start_ms, end_ms)
        for matchers in selectors or [()]:
            selector = self._selectors.get(matchers)
            for selected in self._index.selected(selector, views, windows, start_ms, end_ms):
                yield from selected.labels

    def _all_values(self, name: str, start_ms: int, end_ms: int) -> set[str]:
        """Return the values of a label without building the label set of every series."""
        values: set[str] = set()
        of_layout: dict[int, tuple[frozenset[str], bool]] = {}
        for source, layouts in self._index.used_layouts(start_ms, end_ms):
            for layout in layouts:
                if layout.id not in of_layout:
                    of_layout[layout.id] = layout.values_of(name)
                    values |= of_layout[layout.id][0]
                if of_layout[layout.id][1]:
                    values.add(source.labels.get(name))
        return values


def _first(found: set[T], limit: int) -> list[T]:
    return heapq.nsmallest(limit, found) if limit else sorted(found)
