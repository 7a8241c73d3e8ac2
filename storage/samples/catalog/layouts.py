"""The registry of layouts: one object for each distinct list of series.

A layout stays in memory while a head, a scraper or a cached plan refers to it, or while it
is among the recently used ones. All others are on disk only.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from storage.api.samples import Layout
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.label_encoding import HashedSeries, SeriesDigest
from storage.samples.catalog.metric_names import MetricNames

Columns = NDArray[np.intp]

# Layouts that a query loads stay in memory for the next query. 250,000 columns take about
# 5 MB, and 10 MB more if a tenth of each layout's series are in no other layout.
_CACHED_COLUMNS = 250_000
# A layout whose digest was dropped gets a new number when it returns; that costs one row.
_KNOWN_DIGESTS = 50_000
# Wider layouts keep the state of their digest (500 bytes), so that hashing a layout that
# grows takes time in proportion to its new series only.
_WIDE_COLUMNS = 64


@dataclass(frozen=True, eq=False)
class StoredLayout(Layout):
    """A layout with an index of its metric names.

    Attributes:
        codes: for each column the code of its metric name, see `MetricNames`.
        digest: the digest of its series; None for a narrow layout, which is hashed again.
    """

    codes: NDArray[np.int32]
    digest: SeriesDigest | None = None

    def series_digest(self) -> SeriesDigest:
        """Return the digest of its series."""
        return self.digest or SeriesDigest.of(self.series)

    def columns_of(self, code: int) -> Columns:
        """Return the columns of one metric, ascending."""
        return np.flatnonzero(self.codes == code)

    def by_metric(self) -> tuple[Columns, NDArray[np.int32], NDArray[np.intp]]:
        """Return the columns ordered by metric, the metrics' codes, and each one's first place."""
        order = np.argsort(self.codes, kind="stable")
        codes, starts = np.unique(self.codes[order], return_index=True)
        return order, codes, starts

    @cached_property
    def label_names(self) -> frozenset[str]:
        """All label names that occur in the layout."""
        return frozenset(name for labels in self.series for name, _ in labels)

    def values_of(self, name: str) -> tuple[frozenset[str], bool]:
        """Return the values of one label, and whether any series lacks it."""
        values = {labels.get(name) for labels in self.series}
        return frozenset(values - {""}), "" in values

    def extends(self, other: Layout) -> bool:
        """Whether this layout begins with the columns of `other`."""
        return self.series[: len(other.series)] == other.series


class Layouts:
    """Returns the one layout of each list of series, and layouts by number; thread-safe."""

    def __init__(self, interner: Interner, metrics: MetricNames) -> None:
        self._interner = interner
        self._metrics = metrics
        self._by_id: WeakValueDictionary[int, StoredLayout] = WeakValueDictionary()
        self._by_series: WeakValueDictionary[tuple[Labels, ...], StoredLayout] = (
            WeakValueDictionary()
        )
        self._recent: OrderedDict[int, StoredLayout] = OrderedDict()
        self._recent_columns = 0
        # Ordered, because removing the first keys of a dict takes longer each time.
        self._ids: OrderedDict[bytes, int] = OrderedDict()
        self._next_id = 1
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._by_id)

    def register(self, digests: Sequence[tuple[int, bytes]]) -> None:
        """Add the layouts of a file: the same series get the same number again."""
        with self._lock:
            for layout_id, digest in digests[-_KNOWN_DIGESTS:]:
                self._register(layout_id, digest)
            self.reserve(layout_id for layout_id, _ in digests)

    def _register(self, layout_id: int, digest: bytes) -> None:
        self._ids[digest] = layout_id
        if len(self._ids) > _KNOWN_DIGESTS:
            self._ids.popitem(last=False)

    def reserve(self, layout_ids: Iterable[int]) -> None:
        """Never assign these numbers: rows on disk use them, but their layouts are lost."""
        with self._lock:
            self._next_id = max(self._next_id, 1 + max(layout_ids, default=0))

    def of(self, series: Sequence[Labels], before: Layout | None = None) -> StoredLayout:
        """Return the layout with these series; create it on first use.

        Args:
            series: the series of the columns.
            before: a layout that this one probably extends: then only the new series cost.

        Raises:
            ValueError: a label is not valid Unicode text.
        """
        wanted = tuple(series)
        known = self._by_series.get(wanted)
        if known is not None:
            return known
        # Outside the lock: 100,000 label sets take half a second.
        if isinstance(before, StoredLayout) and wanted[: len(before.series)] == before.series:
            digest = before.series_digest().extended(wanted[len(before.series) :])
        else:
            before, digest = None, SeriesDigest.of(wanted)
        shared, codes = self._interned(wanted, before)
        value = digest.value()
        with self._lock:
            layout_id = self._ids.get(value)
            if layout_id is None:
                layout_id = self._next_id
                self._register(layout_id, value)
                self._next_id += 1
            return self._make(layout_id, shared, codes, digest)

    def stored(self, layout: Layout) -> StoredLayout:
        """Return the layout with the series of another, which may be a caller's own."""
        return layout if isinstance(layout, StoredLayout) else self.of(layout.series)

    def loaded(self, layout_id: int) -> StoredLayout | None:
        """Return the layout with this number if it is in memory."""
        return self._by_id.get(layout_id)

    def get(self, layout_id: int, load: Callable[[int], HashedSeries]) -> StoredLayout:
        """Return the layout with this number; `load` reads its series if it is not in memory.

        It stays in memory for later calls, among other recently used ones.
        """
        known = self.get_once(layout_id, load)
        self._touch(known)
        return known

    def get_once(self, layout_id: int, load: Callable[[int], HashedSeries]) -> StoredLayout:
        """Return a layout as `get` does; it stays in memory only while it is referred to."""
        known = self._by_id.get(layout_id)
        if known is None:
            series, digest = load(layout_id)
            shared, codes = self._interned(series)
            with self._lock:
                known = self._by_id.get(layout_id) or self._make(layout_id, shared, codes, digest)
        return known

    def _interned(
        self, series: Sequence[Labels], before: StoredLayout | None = None
    ) -> tuple[tuple[Labels, ...], NDArray[np.int32]]:
        """Return the one object of each label set, and the code of its metric name."""
        start = len(before.series) if before else 0
        shared = tuple(map(self._interner.labels, series[start:]))
        codes = np.fromiter(
            (self._metrics.code(labels.metric) for labels in shared), np.int32, len(shared)
        )
        if before is None:
            return shared, codes
        return before.series + shared, np.concatenate([before.codes, codes])

    def _make(
        self,
        layout_id: int,
        shared: tuple[Labels, ...],
        codes: NDArray[np.int32],
        digest: SeriesDigest,
    ) -> StoredLayout:
        known = self._by_series.get(shared)
        if known is not None and known.id == layout_id:
            return known
        kept = digest if len(shared) >= _WIDE_COLUMNS else None
        layout = StoredLayout(layout_id, shared, codes, kept)
        self._by_id[layout_id] = layout
        if known is None:
            self._by_series[shared] = layout
        return layout

    def _touch(self, layout: StoredLayout) -> None:
        with self._lock:
            if layout.id in self._recent:
                self._recent.move_to_end(layout.id)
                return
            self._recent[layout.id] = layout
            self._recent_columns += len(layout.series)
            while self._recent_columns > _CACHED_COLUMNS and len(self._recent) > 1:
                _, oldest = self._recent.popitem(last=False)
                self._recent_columns -= len(oldest.series)

    def sweep(self) -> None:
        """Free the label sets that no layout in memory uses, once there are enough of them."""
        if self._interner.wants_sweep:
            with self._lock:
                alive = list(self._by_id.values())
                self._interner.sweep(labels for layout in alive for labels in layout.series)
