"""Queries: select series from the recent window, the settled cache, heads and windows."""

from collections.abc import Collection, Sequence

from model.label_hashes import hashes_of, have_common
from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.samples import ReadBudget, SelectHints
from storage.damage import Damage
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.sources import Sources
from storage.samples.deletion.masking import without_deleted
from storage.samples.deletion.tombstones import Tombstones
from storage.samples.head.heads import Heads
from storage.samples.reading.chunk_reader import ChunkReader, SourceSelection, without_empty
from storage.samples.reading.duplicates import doubled_labels, merge_doubled
from storage.samples.reading.label_query import LabelQuery
from storage.samples.reading.newest import newest_series
from storage.samples.reading.range_index import RangeIndex
from storage.samples.reading.read_threads import ReadThreads
from storage.samples.reading.recent_plan import RecentPlan, Wanted
from storage.samples.reading.selection import CachedSelector, SelectorCache
from storage.samples.reading.settled import Settled
from storage.samples.reading.settled_cache import SettledCache
from storage.samples.reading.start_times import LOOKBACK_MS, with_starts
from storage.samples.windows.window_set import WindowSet

# Decode a cached range again once this share of it has settled since.
_BEHIND = 1 / 8
# Check the budget after this many sources: matching one with 500 series takes up to 0.5 ms.
_SOURCES_A_CHECK = 16
# Shorter ranges that reach to now, as rules have, are not cached: they move on before they
# are selected again.
_SHORT_MS = 15 * 60_000


class Query:
    """Selects series from heads and windows; any thread.

    Attributes:
        labels: answers the questions about labels.
    """

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
        tombstones: Tombstones | None = None,
    ) -> None:
        """Build the caches of selectors and files.

        An answer from `settled`, which caches decoded ranges, may have a few samples just
        outside its range. Start times are looked up from `starts_lookback_ms` before it.
        Samples that `tombstones` delete are left out.
        """
        self._tombstones = tombstones
        self._starts_lookback_ms = starts_lookback_ms
        self._heads, self._windows, self._threads = heads, windows, threads
        self._settled, self._sources = settled, sources
        self._selectors = SelectorCache(metrics)
        self._damage = Damage()
        self._index = RangeIndex(heads, windows, sources, layouts, self._damage)
        self.labels = LabelQuery(self._index, windows, self._selectors)

    def age(self) -> None:
        """Remove cached selectors and matches that no query has used lately."""
        self._selectors.age()

    @property
    def damaged_items(self) -> int:
        """The number of chunks, layouts and files that could not be read so far."""
        return len(self._damage)

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        """See `SampleReader.select`."""
        # Before the read: a tombstone is removed only after the samples.
        deleted = tuple(self._tombstones or ())
        # The newest sample that is not deleted may be an earlier one.
        newest = hints is not None and hints.newest and not starts and not deleted
        selector = self._selectors.get(matchers)
        recent = self._select_recent(selector, start_ms, end_ms, budget, newest)
        result = recent or self._select_settled(selector, start_ms, end_ms, budget, newest)
        if deleted:
            result = [without_deleted(part, deleted) for part in result]
        found = [part for part in map(without_empty, result) if part is not None]
        holders = self._sources.of_kind(SourceKind.START_TIMES)
        if not starts or not holders:
            return found
        since_ms = start_ms - self._starts_lookback_ms
        known = self._select_any(selector, since_ms, end_ms, budget, holders)
        return with_starts(found, known)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `SampleReader.series`; a series whose samples are all deleted is left out."""
        known = tuple(self._tombstones or ())
        deleted = [one for one in known if one.overlaps(start_ms, end_ms)]
        if not deleted:
            return self.labels.series(selectors, start_ms, end_ms, limit)
        found = self.labels.series(selectors, start_ms, end_ms)
        doubtful = {labels for labels in found if any(one.matches(labels) for one in deleted)}
        for one in deleted:
            if doubtful:
                rest = self.select(one.matchers, start_ms, end_ms)
                doubtful.difference_update(*(part.labels for part in rest))
        return [labels for labels in found if labels not in doubtful][: limit or None]

    def _select_recent(
        self,
        selector: CachedSelector,
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None,
        newest: bool = False,
    ) -> list[AlignedSeries] | None:
        """Select from the recent window, late sources from chunks; None if most are late."""
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
        rest -= self._sources.hidden
        gather = plan.gather_newest if newest else plan.gather
        found = gather(start_ms, end_ms, late, budget)
        if found is None or plan.disturbances != self._heads.disturbances:
            return None
        if not rest:
            return found
        if not any(part.labels for part in found):
            return None
        others = self._select_any(selector, start_ms, end_ms, budget, rest, newest=newest)
        # The plan has the late sources too, whose series are now in `others`: compare only
        # with the series that were found in the recent window.
        own = hashes_of((part.labels for part in found), budget) if late else plan.label_hashes
        if have_common(own, hashes_of((part.labels for part in others), budget)):
            return None
        return found + others

    def _recent_plan(
        self, selector: CachedSelector, budget: ReadBudget | None
    ) -> RecentPlan | None:
        """Return the plan of a selector; None if a ring is given up meanwhile."""
        plan = selector.plan
        generation, disturbances = self._heads.generation, self._heads.disturbances
        if plan is not None and plan.generation == generation:
            return plan
        wanted, inactive = [], []
        admitted = selector.admitted(self._sources)
        for head in self._heads.visible():
            layout, ring = head.layout, head.ring
            selected = None
            if selector.may_select(head.source.id, admitted, layout):
                selected = selector.select(head.source, (layout,), budget)
            if selected is not None:
                match = selected.matches[0].match
                wanted.append(Wanted(head.source.id, ring, match.columns, match.labels))
            else:
                inactive.append((head.lineage_ms, head.source.id))
        plan = RecentPlan.of(generation, disturbances, wanted, inactive, budget)
        if disturbances % 2 or disturbances != self._heads.disturbances:
            return None
        selector.plan = plan
        return plan

    def _select_settled(
        self,
        selector: CachedSelector,
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None,
        newest: bool,
    ) -> list[AlignedSeries]:
        """Select from the settled cache, and the end of the range from chunks."""
        cache, matchers = self._settled, selector.matchers
        # Before the read: a chunk that begins during the read then changes the version.
        version = cache.version if cache else 0
        until_ms = min(cache.until_ms, end_ms) if cache else 0
        is_short = end_ms - start_ms < _SHORT_MS and until_ms < end_ms
        if cache is None or until_ms <= start_ms or is_short or not cache.fits(matchers):
            return self._select_any(selector, start_ms, end_ms, budget, newest=newest)
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
                known = Settled.of(start_ms, until_ms, read, budget, trimmed=until_ms < end_ms)
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
        *,
        newest: bool = False,
    ) -> list[AlignedSeries]:
        """Select from chunks in memory and on disk, of some sources or all.

        With `newest`, series have only their newest sample wherever that takes less time.
        """
        # Heads before windows: a chunk that is written meanwhile is found in both and
        # dropped once, never missed.
        views, windows, only = self._index.candidates(selector, start_ms, end_ms, only)
        selections = []
        found = self._index.selected(selector, views, windows, start_ms, end_ms, only, budget)
        for selected in found:
            selections.append(SourceSelection(selected, views.get(selected.source.id, [])))
            if budget is not None and len(selections) % _SOURCES_A_CHECK == 0:
                budget.check()
        doubled = doubled_labels(selections, budget)
        apart = [one for one in selections if doubled and not doubled.isdisjoint(one.labels)]
        rest = [one for one in selections if not doubled or doubled.isdisjoint(one.labels)]
        result: list[AlignedSeries] = []
        if newest:
            result, rest = newest_series(self._heads, rest, start_ms, end_ms, budget)
        reader = ChunkReader(start_ms, end_ms, budget, self._threads, self._damage)
        reader.collect(rest + apart, windows)
        result += reader.decode(rest)
        if apart:
            parts = [part for one in apart for part in reader.decode([one])]
            result.extend(merge_doubled(parts, doubled))
        return result
