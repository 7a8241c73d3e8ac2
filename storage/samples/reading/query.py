"""Queries: what the reading half of the store answers."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.errors import StorageError
from storage.api.samples import ReadBudget, Source
from storage.damage import Damage
from storage.samples.catalog.catalog import Sources
from storage.samples.catalog.layouts import Layouts, MetricNames, StoredLayout
from storage.samples.head.heads import Heads
from storage.samples.head.open_chunk import ChunkView
from storage.samples.reading.read_threads import ReadThreads
from storage.samples.reading.reading import (
    ChunkReader,
    SourceSelection,
    doubled_labels,
    merge_doubled,
    without_empty,
)
from storage.samples.reading.recent_plan import RecentPlan, Wanted
from storage.samples.reading.selection import CachedSelector, Selected, SelectorCache
from storage.samples.reading.settled import Settled, SettledCache
from storage.samples.reading.start_times import LOOKBACK_MS, with_starts
from storage.samples.windows.window_set import WindowSet
from storage.samples.windows.windows import Window

T = TypeVar("T", Labels, str)

# What was decoded is decoded anew when so much of a range has been settled since.
_BEHIND = 1 / 8
# Finding what is meant of a source with 500 series takes up to 0.5 ms.
_SOURCES_A_LOOK = 16
# What rules look back on moves on before it is asked for again.
_SHORT_MS = 15 * 60_000


class Query:
    """Reads heads and windows together; any thread."""

    def __init__(
        self,
        heads: Heads,
        windows: WindowSet,
        sources: Sources,
        layouts: Layouts,
        metrics: MetricNames,
        threads: ReadThreads,
        settled: SettledCache | None = None,
        starts_lookback_ms: int = LOOKBACK_MS,
    ) -> None:
        """Prepare; with `settled`, an answer may hold samples just outside of its range."""
        self._starts_lookback_ms = starts_lookback_ms
        self._heads, self._windows, self._threads = heads, windows, threads
        self._settled = settled
        self._sources, self._layouts = sources, layouts
        self._selectors = SelectorCache(metrics)
        self._damage = Damage()

    def age(self) -> None:
        """Forget what no query has asked for lately."""
        self._selectors.age()

    @property
    def damaged_items(self) -> int:
        """How many chunks, layouts and files could not be read so far."""
        return len(self._damage)

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
    ) -> list[AlignedSeries]:
        """See `SampleReader.select`."""
        selector = self._selectors.get(matchers)
        recent = self._select_recent(selector, start_ms, end_ms, budget)
        result = recent or self._select_settled(selector, start_ms, end_ms, budget)
        found = [part for part in map(without_empty, result) if part is not None]
        if not starts or not self._sources.of_starts:
            return found
        since_ms = start_ms - self._starts_lookback_ms
        known = self._select_any(selector, since_ms, end_ms, budget, self._sources.of_starts)
        return with_starts(found, known)

    def _select_recent(
        self, selector: CachedSelector, start_ms: int, end_ms: int, budget: ReadBudget | None
    ) -> list[AlignedSeries] | None:
        """Answer from the recent window as far as it goes; None if it does not go far."""
        plan = self._recent_plan(selector, budget)
        if plan is None or not plan.parts:
            return None
        late = plan.late_sources(start_ms)
        if late is None:
            return None
        on_disk = (
            source
            for window in self._windows.overlapping(start_ms, end_ms)
            for source in self._heads.without_head(window.ends)
        )
        rest = late.union(plan.without_ring, plan.changed_sources(start_ms), on_disk)
        rest -= self._sources.of_starts
        found = plan.gather(start_ms, end_ms, late, budget)
        if found is None or plan.generation != self._heads.generation:
            return None
        if not rest:
            return [found]
        if not found.labels:
            return None
        others = self._select_any(selector, start_ms, end_ms, budget, rest)
        # Late sources are in the plan too, and yield these very label sets.
        label_sets = plan.label_sets if not late else frozenset(found.labels)
        if any(not label_sets.isdisjoint(part.labels) for part in others):
            return None
        return [found, *others]

    def _recent_plan(
        self, selector: CachedSelector, budget: ReadBudget | None
    ) -> RecentPlan | None:
        plan = selector.plan
        generation = self._heads.generation
        if plan is not None and plan.generation == generation:
            return plan
        wanted, others = [], []
        for head in self._heads.visible():
            layout, ring = head.layout, head.ring
            selected = selector.select(head.source, (layout,), budget)
            if selected is not None:
                match = selected.matches[layout.id].match
                wanted.append(Wanted(head.source.id, ring, match.columns, match.labels))
            else:
                others.append((head.lineage_ms, head.source.id))
        plan = RecentPlan.of(generation, wanted, others)
        if generation % 2 or generation != self._heads.generation:
            return None
        selector.plan = plan
        return plan

    def _select_settled(
        self, selector: CachedSelector, start_ms: int, end_ms: int, budget: ReadBudget | None
    ) -> list[AlignedSeries]:
        """Answer from what is decoded already as far as it goes, and read the rest."""
        cache, matchers = self._settled, selector.matchers
        # Before anything is read: what begins from now on makes the version another.
        version = cache.version if cache else 0
        until_ms = min(cache.until_ms, end_ms) if cache else 0
        is_short = end_ms - start_ms < _SHORT_MS and until_ms < end_ms
        if cache is None or until_ms <= start_ms or is_short or not cache.fits(matchers):
            return self._select_any(selector, start_ms, end_ms, budget)
        known = cache.get(matchers, start_ms)
        if known is not None and until_ms - known.end_ms <= (end_ms - start_ms) * _BEHIND:
            found = known.between(start_ms, end_ms)
            if budget is not None:
                budget.spend(sum(part.sample_slots for part in found))
            if known.end_ms >= end_ms:
                return found
        else:
            damaged = self.damaged_items
            read = self._select_any(selector, start_ms, until_ms, budget)
            if cache.takes(sum(part.values.nbytes for part in read)):
                known = Settled.of(start_ms, until_ms, read, trimmed=until_ms < end_ms)
                if damaged == self.damaged_items:
                    cache.put(matchers, known, version)
            else:
                known = Settled.unsorted(start_ms, until_ms, read)
        if known.end_ms >= end_ms:
            return known.between(start_ms, end_ms)
        after = self._select_any(selector, known.end_ms + 1, end_ms, budget)
        result = known.continued(start_ms, after)
        if result is None:
            cache.refuse(matchers)
            return self._select_any(selector, start_ms, end_ms, budget)
        return result

    def _select_any(
        self,
        selector: CachedSelector,
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None,
        only: Collection[int] | None = None,
    ) -> list[AlignedSeries]:
        """Answer from chunks in memory and on disk, for some sources or all."""
        # Heads first: a chunk that reaches the disk meanwhile is then seen twice and
        # dropped once, never missed.
        views, windows, only = self._candidates(selector, start_ms, end_ms, only)
        selections = []
        found = self._selected(selector, views, windows, start_ms, end_ms, only, budget)
        for selected in found:
            selections.append(SourceSelection(selected, views.get(selected.source.id, [])))
            if budget is not None and len(selections) % _SOURCES_A_LOOK == 0:
                budget.check()
        doubled = doubled_labels(selections)
        reader = ChunkReader(start_ms, end_ms, budget, self._threads, self._damage)
        reader.collect(selections, windows)
        apart = [one for one in selections if doubled and not doubled.isdisjoint(one.labels)]
        rest = [one for one in selections if not doubled or doubled.isdisjoint(one.labels)]
        result = reader.decode(rest)
        if apart:
            parts = [part for one in apart for part in reader.decode([one])]
            result.extend(merge_doubled(parts, doubled))
        return result

    def _candidates(
        self,
        selector: CachedSelector,
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
    ) -> tuple[dict[int, list[ChunkView]], list[Window], Collection[int] | None]:
        """Return chunks in memory, windows, and the sources that may be meant; None for all.

        Who asks for one host of many need not look at the others.
        """
        admitted = selector.admitted(self._sources)
        if admitted is None:
            return self._views(), self._windows.overlapping(start_ms, end_ms), only
        some = set(admitted)
        for head in self._heads:
            # A layout that was replaced is in the closed chunks.
            if selector.concerns(head.layout) or head.closed:
                some.add(head.source.id)
        views = self._views(some)
        windows = self._windows.overlapping(start_ms, end_ms)
        for window in windows:
            for layout_id in {layout_id for _, layout_id in window.spans}:
                layout = self._layout(layout_id, window)
                if layout is not None and selector.concerns(layout):
                    some.update(source for source, used in window.spans if used == layout_id)
        some = some - self._sources.of_starts if only is None else some.intersection(only)
        return views, windows, some

    def _views(self, only: Collection[int] | None = None) -> dict[int, list[ChunkView]]:
        heads = self._heads if only is None else filter(None, map(self._heads.get, only))
        return {head.source.id: views for head in heads if (views := head.views())}

    def _selected(
        self,
        selector: CachedSelector,
        views: dict[int, list[ChunkView]],
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
        budget: ReadBudget | None = None,
    ) -> Iterator[Selected]:
        """Yield what is meant of each source with samples in range, by its number."""
        for source, layouts in self._layouts_in_range(views, windows, start_ms, end_ms, only):
            selected = selector.select(source, layouts, budget)
            if selected is not None:
                yield selected

    def _layouts_in_range(
        self,
        views: dict[int, list[ChunkView]],
        windows: Iterable[Window],
        start_ms: int,
        end_ms: int,
        only: Collection[int] | None = None,
    ) -> Iterator[tuple[Source, list[StoredLayout]]]:
        """Yield each source with samples in range, by its number, and its layouts.

        Those that hold start times are left out unless they are named by `only`.
        """
        used: dict[int, dict[int, StoredLayout | Window]] = {}
        hidden = self._sources.of_starts if only is None else frozenset[int]()
        for window in windows:
            for (source_id, layout_id), span in window.spans.items():
                if only is not None and source_id not in only:
                    continue
                if span.start_ms <= end_ms and span.end_ms >= start_ms:
                    used.setdefault(source_id, {}).setdefault(layout_id, window)
        for source_id, some in views.items():
            if only is not None and source_id not in only:
                continue
            for view in some:
                if view.start_ms <= end_ms and view.end_ms >= start_ms:
                    used.setdefault(source_id, {})[view.layout.id] = view.layout
        for source_id in sorted(used.keys() - hidden):
            source = self._sources.get(source_id)
            if source is not None:
                found = (self._layout(number, where) for number, where in used[source_id].items())
                yield source, [layout for layout in found if layout is not None]

    def _layout(self, layout_id: int, where: StoredLayout | Window) -> StoredLayout | None:
        if isinstance(where, StoredLayout):
            return where
        try:
            return self._layouts.get(layout_id, where.series_of)
        except StorageError as exc:
            self._damage.note("layout_unreadable", where.path.name, exc, layout=layout_id)
            return None

    def _labels(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> Iterator[Labels]:
        views = self._views()
        windows = self._windows.overlapping(start_ms, end_ms)
        for matchers in selectors or [()]:
            selector = self._selectors.get(matchers)
            for selected in self._selected(selector, views, windows, start_ms, end_ms):
                yield from selected.labels

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
            for source, layouts in self._used_layouts(start_ms, end_ms):
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

    def _all_values(self, name: str, start_ms: int, end_ms: int) -> set[str]:
        """Return a label's values without making the label sets of every series."""
        values: set[str] = set()
        of_layout: dict[int, tuple[frozenset[str], bool]] = {}
        for source, layouts in self._used_layouts(start_ms, end_ms):
            for layout in layouts:
                if layout.id not in of_layout:
                    of_layout[layout.id] = layout.values_of(name)
                    values |= of_layout[layout.id][0]
                if of_layout[layout.id][1]:
                    values.add(source.labels.get(name))
        return values

    def _used_layouts(
        self, start_ms: int, end_ms: int
    ) -> Iterator[tuple[Source, list[StoredLayout]]]:
        windows = self._windows.overlapping(start_ms, end_ms)
        return self._layouts_in_range(self._views(), windows, start_ms, end_ms)


def _first(found: set[T], limit: int) -> list[T]:
    return heapq.nsmallest(limit, found) if limit else sorted(found)
