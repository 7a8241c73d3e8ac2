"""The registry of sources: one `Source` object for each pair of labels and stream."""

import threading
from collections.abc import Iterable, Iterator, Set

from model.labels import Labels
from storage.api.samples import Source
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.label_encoding import encode_series


class Sources:
    """Maps labels and stream to a source, and numbers to sources; thread-safe.

    Attributes:
        hidden: the numbers of the sources that do not hold samples.
    """

    def __init__(self) -> None:
        self.hidden: set[int] = set()
        self._by_kind: dict[SourceKind, set[int]] = {kind: set() for kind in SourceKind}
        self._by_key: dict[tuple[Labels, str], Source] = {}
        self._by_id: dict[int, Source] = {}
        self._next_id = 1
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def of(self, labels: Labels, stream: str) -> Source:
        """Return the source with these labels and this stream; create it on first use.

        Raises:
            ValueError: a label is not valid Unicode text.
        """
        known = self._by_key.get((labels, stream))
        if known is not None:
            return known
        encode_series([Labels.of(labels, stream=stream)])
        with self._lock:
            known = self._by_key.get((labels, stream))
            return known or self._add(Source(self._next_id, labels, stream))

    def companion(self, source: Source, kind: SourceKind) -> Source:
        """Return the companion of a source of samples; create it on first use."""
        return self.of(source.labels, kind.stream_for(source.stream))

    def find_companion(self, source: Source, kind: SourceKind) -> Source | None:
        """Return the companion of a source of samples, None if it has none."""
        return self._by_key.get((source.labels, kind.stream_for(source.stream)))

    def of_kind(self, kind: SourceKind) -> Set[int]:
        """Return the numbers of all sources of a kind."""
        return self._by_kind[kind]

    def get(self, source_id: int) -> Source | None:
        """Return the source with this number, None if there is none."""
        return self._by_id.get(source_id)

    def register(self, source: Source) -> None:
        """Add a source that was read from disk."""
        with self._lock:
            if source.id not in self._by_id:
                self._add(source)

    def reserve(self, source_ids: Iterable[int]) -> None:
        """Never assign these numbers: rows on disk use them, but their sources are lost."""
        with self._lock:
            self._next_id = max(self._next_id, 1 + max(source_ids, default=0))

    def _add(self, source: Source) -> Source:
        self._by_id[source.id] = source
        self._by_key.setdefault((source.labels, source.stream), source)
        kind = SourceKind.of_stream(source.stream)
        self._by_kind[kind].add(source.id)
        if kind is not SourceKind.SAMPLES:
            self.hidden.add(source.id)
        self._next_id = max(self._next_id, source.id + 1)
        return source
