"""Queries: what the reading half of the store answers."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.errors import CorruptDataError
from storage.api.samples import ReadBudget, Source
from storage.samples.catalog import Sources
from storage.samples.head import ChunkView
from storage.samples.heads import Heads
from storage.samples.layouts import Layouts, MetricNames, StoredLayout
from storage.samples.matching import Match, Selector
from storage.samples.reading import (
    ChunkReader,
    SourceSelection,
    doubled_labels,
    merge_doubled,
    plan_source,
    without_empty,
)
from storage.samples.window_set import WindowSet
from storage.samples.windows import Window

T = TypeVar("T", Labels, str)


class Query:
    """Reads heads and windows together; any thread."""

    def __init__(
        self,
        heads: Heads,
        windows: WindowSet,
        sources: Sources,
        layouts: Layouts,
        metrics: MetricNames,
    ) -> None:
        self._heads, self._windows = heads, windows
        self._sources, self._layouts, self._metrics = sources, layouts, metrics
        self.corrupt_chunks = 0

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
    ) -> list[AlignedSeries]:
        """See `SampleReader.select`."""
        # Heads first: a chunk that reaches the disk meanwhile is then seen twice and
        # dropped once, never missed.
        views = self._views(start_ms, end_ms)
        windows = self._windows.overlapping(start_ms, end_ms)
        selections = self._plan(matchers, views, windows, start_ms, end_ms)
        doubled = doubled_labels(selections)
        reader = ChunkReader(start_ms, end_ms, budget)
        reader.collect(selections, windows)
        apart = [one for one in selections if doubled and not doubled.isdisjoint(one.labels)]
        rest = [one for one in selections if not doubled or doubled.isdisjoint(one.labels)]
        result = reader.decode(rest)
        if apart:
            parts = [part for one in apart for part in reader.decode([one])]
            result.extend(merge_doubled(parts, doubled))
        self.corrupt_chunks += reader.corrupt_chunks
        return [part for part in map(without_empty, result) if part is not None]

    def _views(self, start_ms: int, end_ms: int) -> dict[int, list[ChunkView]]:
        return {head.source.id: views for head in self._heads if (views := head.views())}

    def _plan(
        self,
        matchers: Sequence[Matcher],
        views: dict[int, list[ChunkView]],
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
    ) -> list[SourceSelection]:
        selector = Selector(matchers, self._metrics)
        selections = []
        for source, layouts in self._layouts_in_range(views, windows, start_ms, end_ms):
            matches: list[Match] = []
            for layout in layouts:
                match = selector.match(source, layout)
                if match is not None:
                    matches.append(match)
            selection = plan_source(source, matches, views.get(source.id, []))
            if selection is not None:
                selections.append(selection)
        return selections

    def _layouts_in_range(
        self,
        views: dict[int, list[ChunkView]],
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
    ) -> Iterator[tuple[Source, list[StoredLayout]]]:
        used: dict[int, dict[int, StoredLayout]] = {}
        for window in windows:
            for (source_id, layout_id), span in window.spans.items():
                if span.start_ms <= end_ms and span.end_ms >= start_ms:
                    known = used.setdefault(source_id, {})
                    if layout_id not in known:
                        try:
                            known[layout_id] = self._layouts.get(layout_id, window.series_of)
                        except CorruptDataError:
                            continue
        for source_id, some in views.items():
            for view in some:
                if view.times_ms[0] <= end_ms and view.times_ms[-1] >= start_ms:
                    used.setdefault(source_id, {})[view.layout.id] = view.layout
        for source_id in sorted(used):
            source = self._sources.get(source_id)
            if source is not None:
                yield source, list(used[source_id].values())

    def _labels(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> Iterator[Labels]:
        views = self._views(start_ms, end_ms)
        windows = self._windows.overlapping(start_ms, end_ms)
        for matchers in selectors or [()]:
            for selection in self._plan(matchers, views, windows, start_ms, end_ms):
                yield from selection.labels

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `SampleReader.series`."""
        return _first(set(self._labels(selectors, start_ms, end_ms)), limit)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """See `SampleReader.label_names`."""
        names = {name for labels in self._labels(selectors, start_ms, end_ms) for name, _ in labels}
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
        values = {labels.get(name) for labels in self._labels(selectors, start_ms, end_ms)}
        return _first(values - {""}, limit)


def _first(found: set[T], limit: int) -> list[T]:
    return heapq.nsmallest(limit, found) if limit else sorted(found)
