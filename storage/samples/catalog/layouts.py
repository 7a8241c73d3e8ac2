"""Layouts: one object for each distinct list of series, and its bytes.

A layout is kept alive by whoever uses it (a head, a scraper, a cached plan) and by a
small cache of recently used ones; the rest is on disk.
"""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from weakref import WeakValueDictionary

import numpy as np
import orjson
from numpy.typing import NDArray

from model.labels import Labels
from storage.api.errors import CorruptDataError
from storage.api.samples import Layout
from storage.samples.catalog.interning import Interner

Columns = NDArray[np.intp]

# Layouts loaded for a query stay for the next one; 250,000 columns are some 5 MB, and 10
# more where a tenth of the series of each are in no other.
_CACHED_COLUMNS = 250_000
# Content that was forgotten gets another number, which costs a row and nothing else.
_KNOWN_DIGESTS = 50_000


@dataclass(frozen=True, eq=False)
class StoredLayout(Layout):
    """A layout with what the store must know to cut and search it.

    Attributes:
        codes: for each column the code of its metric name, see `MetricNames`.
    """

    codes: NDArray[np.int32]

    def columns_of(self, code: int) -> Columns:
        """Return the columns of one metric, ascending."""
        return np.flatnonzero(self.codes == code)

    def by_metric(self) -> tuple[Columns, NDArray[np.int32], NDArray[np.intp]]:
        """Return the columns metric by metric, the metrics' codes, and where each begins."""
        order = np.argsort(self.codes, kind="stable")
        codes, starts = np.unique(self.codes[order], return_index=True)
        return order, codes, starts

    @cached_property
    def label_names(self) -> frozenset[str]:
        """Every label name that occurs in the layout."""
        return frozenset(name for labels in self.series for name, _ in labels)

    @cached_property
    def metric_codes(self) -> frozenset[int]:
        """The codes of the metrics that occur in the layout."""
        return frozenset(np.unique(self.codes).tolist())

    def values_of(self, name: str) -> tuple[frozenset[str], bool]:
        """Return the values of one label, and whether a series is without it."""
        values = {labels.get(name) for labels in self.series}
        return frozenset(values - {""}), "" in values

    def extends(self, other: Layout) -> bool:
        """Whether this layout begins with the columns of `other`."""
        return self.series[: len(other.series)] == other.series


class MetricNames:
    """Numbers the metric names met so far; the numbers live as long as the process."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._names: list[str] = []
        self._lock = threading.Lock()

    def code(self, name: str) -> int:
        """Return the number of `name`, a new one if need be."""
        known = self._codes.get(name)
        if known is not None:
            return known
        with self._lock:
            if name not in self._codes:
                self._names.append(name)
                self._codes[name] = len(self._names) - 1
            return self._codes[name]

    def find(self, name: str) -> int | None:
        """Return the number of `name`, None if no layout ever used it."""
        return self._codes.get(name)

    def name(self, code: int) -> str:
        """Return the name with this number."""
        return self._names[code]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(list(enumerate(self._names)))


def encode_series(series: Iterable[Labels]) -> bytes:
    """Return label sets as JSON: for each a flat list of its names and values.

    Raises:
        ValueError: a name or value is no valid Unicode text.
    """
    try:
        return orjson.dumps([[text for pair in labels for text in pair] for labels in series])
    except orjson.JSONEncodeError as exc:
        raise ValueError(f"labels are not valid text: {exc}") from exc


def decode_series(data: bytes) -> list[Labels]:
    """Return the label sets that `encode_series` wrote.

    Raises:
        CorruptDataError: the bytes are something else.
    """
    if not isinstance(data, bytes):
        raise CorruptDataError("label sets are no bytes")
    try:
        rows = orjson.loads(data)
        return [Labels(zip(row[::2], row[1::2], strict=True)) for row in rows]
    except (ValueError, TypeError) as exc:
        raise CorruptDataError(f"label sets do not decode: {exc}") from exc


def pack_series(series: Sequence[Labels]) -> bytes:
    """Return a layout's series as a row stores them."""
    return zlib.compress(encode_series(series), 6)


def unpack_series(data: bytes) -> list[Labels]:
    """Return the series of a layout row.

    Raises:
        CorruptDataError: the bytes do not decode.
    """
    try:
        return decode_series(zlib.decompress(data))
    except (zlib.error, TypeError) as exc:
        raise CorruptDataError(f"layout does not decompress: {exc}") from exc


def digest_of(series: Sequence[Labels]) -> bytes:
    """Return 16 bytes that identify the content of a layout."""
    return blake2b(encode_series(series), digest_size=16).digest()


class Layouts:
    """Hash-conses layouts; thread-safe."""

    def __init__(self, interner: Interner, metrics: MetricNames) -> None:
        self._interner = interner
        self._metrics = metrics
        self._by_id: WeakValueDictionary[int, StoredLayout] = WeakValueDictionary()
        self._by_series: WeakValueDictionary[tuple[Labels, ...], StoredLayout] = (
            WeakValueDictionary()
        )
        self._recent: OrderedDict[int, StoredLayout] = OrderedDict()
        self._recent_columns = 0
        self._ids: dict[bytes, int] = {}
        self._next_id = 1
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._by_id)

    def know(self, layout_id: int, digest: bytes) -> None:
        """Note a layout that is on disk, so that the same content gets its number again."""
        with self._lock:
            self._know(layout_id, digest)
            self._next_id = max(self._next_id, layout_id + 1)

    def _know(self, layout_id: int, digest: bytes) -> None:
        self._ids[digest] = layout_id
        if len(self._ids) > _KNOWN_DIGESTS:
            del self._ids[next(iter(self._ids))]

    def reserve(self, layout_ids: Iterable[int]) -> None:
        """Never give these numbers: rows that use them are somewhere."""
        with self._lock:
            self._next_id = max(self._next_id, 1 + max(layout_ids, default=0))

    def of(self, series: Sequence[Labels]) -> StoredLayout:
        """Return the layout with these series, made where it is new.

        Raises:
            ValueError: a label is no valid Unicode text.
        """
        wanted = tuple(series)
        known = self._by_series.get(wanted)
        if known is not None:
            return known
        # Before the lock: a hundred thousand label sets take half a second.
        digest = digest_of(wanted)
        shared, codes = self._interned(wanted)
        with self._lock:
            layout_id = self._ids.get(digest)
            if layout_id is None:
                layout_id = self._next_id
                self._know(layout_id, digest)
                self._next_id += 1
            return self._make(layout_id, shared, codes)

    def get(self, layout_id: int, load: Callable[[int], Sequence[Labels]]) -> StoredLayout:
        """Return a layout by number; `load` reads its series where it is not in memory."""
        known = self._by_id.get(layout_id)
        if known is None:
            shared, codes = self._interned(load(layout_id))
            with self._lock:
                known = self._by_id.get(layout_id) or self._make(layout_id, shared, codes)
        self._touch(known)
        return known

    def _interned(self, series: Iterable[Labels]) -> tuple[tuple[Labels, ...], NDArray[np.int32]]:
        shared = tuple(map(self._interner.labels, series))
        codes = np.fromiter(
            (self._metrics.code(labels.metric) for labels in shared), np.int32, len(shared)
        )
        return shared, codes

    def _make(
        self, layout_id: int, shared: tuple[Labels, ...], codes: NDArray[np.int32]
    ) -> StoredLayout:
        known = self._by_series.get(shared)
        if known is not None and known.id == layout_id:
            return known
        layout = StoredLayout(layout_id, shared, codes)
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
        """Let go of label sets that no living layout uses, once enough have piled up."""
        if self._interner.wants_sweep:
            with self._lock:
                alive = list(self._by_id.values())
                self._interner.sweep(labels for layout in alive for labels in layout.series)
