"""The heads of all sources: where vectors enter and chunks wait to be written."""

import operator
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import structlog

from model.series import NO_TIME
from storage.api.errors import OutOfOrderError
from storage.api.samples import LastVector, Source, Vector
from storage.damage import FREE_SPACE
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.head.head import Appended, SourceHead
from storage.samples.head.open_chunk import OpenChunk
from storage.samples.head.recent import RecentWindow, slots_for
from storage.samples.journal.format import Record
from storage.samples.reading.settled import SettledCache
from storage.samples.windows.window_set import WindowSet

log = structlog.get_logger(__name__)

# Spreads the sources' first chunks evenly, whatever their numbers: later ones then
# fill up at different times too, and sealing never comes in bursts.
_GOLDEN_RATIO = 0.6180339887498949

_SHORTEST_CHUNK = 8

# A ring is chosen by the interval of a chunk's first few vectors: one may be late.
_MEASURED_AT = 3


class Heads:
    """Takes vectors on one thread; read, closed and forgotten on others.

    Attributes:
        generation: odd while heads, their layouts or rings change, another even number
            afterwards.
        samples_total: samples taken since the start.
        dropped_vectors: vectors given up while the disk refused them.
    """

    def __init__(
        self,
        windows: WindowSet,
        recent: RecentWindow,
        settled: SettledCache,
        chunk_vectors: int,
        chunk_age_ms: int,
    ) -> None:
        self._windows, self._recent, self._settled = windows, recent, settled
        self._chunk_vectors, self._chunk_age_ms = chunk_vectors, chunk_age_ms
        self._heads: dict[int, SourceHead] = {}
        self._ends: dict[int, int] = {}
        self._lock = threading.Lock()
        self.generation = 0
        self.samples_total = 0
        self.dropped_vectors = 0

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[SourceHead]:
        return iter(list(self._heads.values()))

    def visible(self) -> list[SourceHead]:
        """Return the heads that hold samples, not start times."""
        return [head for head in self if not head.holds_starts]

    def without_head(self, source_ids: Iterable[int]) -> set[int]:
        """Return those of some sources that have no head."""
        return set(source_ids).difference(self._heads)

    def get(self, source_id: int) -> SourceHead | None:
        """Return a source's head, None if it has none."""
        return self._heads.get(source_id)

    def start_after(self, ends: Mapping[int, int]) -> None:
        """Refuse vectors that are not newer than what is on disk, by source number."""
        self._ends.update(ends)

    def append(self, source: Source, vector: Vector, layout: StoredLayout) -> Appended:
        """Take a vector.

        Raises:
            OutOfOrderError: it is not newer than the source's last vector.
            ValueError: layout, columns and values do not fit together.
        """
        with self._lock:
            head = self._heads.get(source.id)
            if head is not None and layout is head.layout:
                taken = self._append(head, vector, layout)
            else:
                with self._changing():
                    head = head or self._new_head(source, vector, layout)
                    self._refit(head, layout)
                    taken = self._append(head, vector, layout)
                    self._heads[source.id] = head
            if taken.ordinal == _MEASURED_AT:
                self._fit_ring(head)
            # A source whose vectors come in parts may still amend this one.
            if taken.ordinal + 1 >= taken.chunk.limit and not head.is_amended:
                head.close()
            if not head.holds_starts:
                self.samples_total += len(layout.series)
        return taken

    def amend(self, source: Source, vector: Vector, layout: StoredLayout) -> Appended:
        """Put values into a source's last vector.

        Raises:
            OutOfOrderError: the last vector has another time, or its chunk is closed.
            ValueError: layout, columns and values do not fit together.
        """
        with self._lock:
            head = self._heads.get(source.id)
            if head is None:
                last_ms = self._ends.get(source.id, _BEFORE_ALL)
                raise OutOfOrderError(str(source), vector.time_ms, last_ms)
            if layout is head.layout:
                taken = head.amend(vector, layout)
            else:
                with self._changing():
                    self._refit(head, layout)
                    taken = head.amend(vector, layout)
            if not head.holds_starts:
                self.samples_total += len(vector.values)
        return taken

    def last_vector(self, source_id: int) -> LastVector | None:
        """Return a source's last vector, None where it has no head."""
        with self._lock:
            head = self._heads.get(source_id)
            if head is None:
                return None
            return LastVector(head.last_ms, head.layout, head.last.copy())

    def _append(self, head: SourceHead, vector: Vector, layout: StoredLayout) -> Appended:
        chunk = head.open
        if chunk is not None and (
            vector.time_ms >= chunk.closes_ms or len(chunk.times_ms) >= chunk.limit
        ):
            head.close()
        # Refuses times that no window can hold before anything is changed.
        closes_ms = self._closes_ms(vector.time_ms) if head.open is None else 0
        taken = head.append(vector, layout)
        if taken.ordinal == 0:
            self._begin(head, taken.chunk, closes_ms or self._closes_ms(vector.time_ms))
        return taken

    def _new_head(self, source: Source, vector: Vector, layout: StoredLayout) -> SourceHead:
        if vector.columns is not None:
            raise ValueError(f"{source}: the first vector must give every column")
        end_ms = self._ends.get(source.id)
        if end_ms is None:
            return SourceHead(source, layout, _BEFORE_ALL, _BEFORE_ALL)
        return SourceHead(source, layout, end_ms, vector.time_ms)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Tell readers of the recent window that heads, layouts or rings change."""
        self.generation += 1
        try:
            yield
        finally:
            self.generation += 1

    def _refit(self, head: SourceHead, layout: StoredLayout) -> None:
        """Make a head's ring fit another layout, or give it up."""
        ring = head.ring
        if ring is None or layout is head.layout:
            return
        if not layout.extends(head.layout):
            self._recent.give_back(ring)
            head.ring = None
        elif len(layout.series) > ring.capacity:
            head.ring = self._recent.moved(ring, len(head.layout.series), len(layout.series))

    def _fit_ring(self, head: SourceHead) -> None:
        """Give a head a ring that suits the interval of its last vectors."""
        chunk, ring = head.open, head.ring
        if chunk is None or head.holds_starts:
            return
        slots = slots_for(min(map(operator.sub, chunk.times_ms[1:], chunk.times_ms)))
        if ring is not None and ring.block.slots == slots:
            return
        with self._changing():
            if ring is not None:
                self._recent.give_back(ring)
            head.ring = None
            if slots is None:
                return
            is_first = head.chunks == 1 and head.source.id not in self._ends
            floor_ms = _BEFORE_ALL if is_first else chunk.times_ms[0] - 1
            ring = self._recent.ring(len(head.layout.series), slots, floor_ms)
            if ring is not None:
                for time_ms, values in zip(chunk.times_ms, chunk.view().matrix().T, strict=True):
                    ring.push(time_ms, values)
            head.ring = ring

    def _closes_ms(self, time_ms: int) -> int:
        return min(self._windows.end_of(time_ms), time_ms + self._chunk_age_ms)

    def _begin(self, head: SourceHead, chunk: OpenChunk, closes_ms: int) -> None:
        self._settled.chunk_begins(chunk.times_ms[0])
        chunk.closes_ms = closes_ms
        chunk.limit = self._chunk_vectors
        if head.chunks == 0:
            phase = head.source.id * _GOLDEN_RATIO % 1
            chunk.limit -= int(phase * max(0, self._chunk_vectors - _SHORTEST_CHUNK))
        head.chunks += 1

    def restore(self, source: Source, layout: StoredLayout, record: Record, row: int) -> bool:
        """Take a vector back from the journal; False if its forerunners are missing."""
        if record.time_ms <= self._ends.get(source.id, _BEFORE_ALL):
            return True
        head = self._heads.get(source.id)
        if head is None:
            head = SourceHead(source, layout, _BEFORE_ALL, record.time_ms)
        self._refit(head, layout)
        take = head.restore_amendment if record.amends else head.restore
        if not take(layout, record.time_ms, record.ordinal, record.columns, record.values):
            return False
        if record.amends:
            return True
        self._heads[source.id] = head
        if record.ordinal == 0 and head.open is not None:
            head.open.journal_row = row
            self._begin(head, head.open, self._closes_ms(record.time_ms))
        elif record.ordinal == _MEASURED_AT:
            self._fit_ring(head)
        return True

    def close_older_than(self, start_ms: int) -> None:
        """Close every open chunk that began before a time."""
        with self._lock:
            for head in self._heads.values():
                if head.open is not None and head.open.times_ms[0] < start_ms:
                    head.close()

    def forget_silent(self, since_ms: int) -> None:
        """Let go of the heads whose last vector is older and on disk."""
        with self._lock:
            silent = [
                head
                for head in self._heads.values()
                if head.last_ms < since_ms and head.open is None and not head.closed
            ]
            if not silent:
                return
            with self._changing():
                for head in silent:
                    self._ends[head.source.id] = head.last_ms
                    del self._heads[head.source.id]
                    if head.ring is not None:
                        self._recent.give_back(head.ring)

    def first_ms(self) -> int:
        """Return the time of the oldest vector in memory, NO_TIME if there is none."""
        # Under the lock: a source's first vector is told of before its head is known.
        with self._lock:
            chunks = (head.chunks_in_memory()[:1] for head in self._heads.values())
            return min((chunk.times_ms[0] for some in chunks for chunk in some), default=NO_TIME)

    def closed(self) -> list[OpenChunk]:
        """Return the chunks that wait to be written, those of a source in order."""
        return [chunk for head in self for chunk in list(head.closed)]

    def forget(self, chunk: OpenChunk) -> None:
        """Let go of a chunk that is on disk."""
        self._heads[chunk.source.id].closed.remove(chunk)

    def shed(self, most_bytes: int) -> None:
        """Give up the oldest closed chunks while they take more memory than this.

        They pile up only while the disk refuses them for hours: better the oldest
        samples lost than the process.
        """
        waiting = sorted(self.closed(), key=lambda chunk: chunk.times_ms[0])
        excess = sum(chunk.size_bytes for chunk in waiting) - most_bytes
        vectors = 0
        for chunk in waiting:
            if excess <= 0:
                break
            chunk.is_dropped = True
            self.forget(chunk)
            excess -= chunk.size_bytes
            vectors += len(chunk.times_ms)
        if vectors:
            self.dropped_vectors += vectors
            log.error("vectors_dropped", vectors=vectors, fix=FREE_SPACE)

    def first_row(self, next_row: int) -> int:
        """Return the oldest journal row that a chunk in memory still needs."""
        return min(
            (
                chunk.journal_row
                for head in self
                for chunk in head.chunks_in_memory()
                if chunk.journal_row is not None
            ),
            default=next_row,
        )


_BEFORE_ALL = -(2**63)
