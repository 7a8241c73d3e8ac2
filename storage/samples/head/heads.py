"""The heads of all sources: they take vectors, and hold chunks until those are on disk."""

import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import structlog

from model.series import NO_TIME
from storage.api.errors import OutOfOrderError
from storage.api.samples import LastVector, Source, Vector
from storage.damage import FREE_SPACE
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.head.journal_records import AppendedVector, JournalRecord
from storage.samples.head.open_chunk import OpenChunk
from storage.samples.head.recent import RecentWindow, Ring, slots_for
from storage.samples.head.source_head import SourceHead

log = structlog.get_logger(__name__)

# The lengths of the sources' first chunks are spread evenly by this multiplier, so that
# chunks fill up at different times and sealing does not come in bursts.
_GOLDEN_RATIO = 0.6180339887498949

_SHORTEST_CHUNK = 8

# The ring of a source is chosen by the shortest interval between the first few vectors of
# a chunk, because one of them may be late.
_MEASURED_AT = 3


class Heads:
    """The heads by source; one thread appends, others read them, close and remove chunks.

    Attributes:
        generation: odd while heads, their layouts or their rings change; a new even number
            after each change.
        disturbances: odd while a ring is given up that queries may be reading; a new even
            number after it. New sources and longer layouts disturb no query.
        samples_total: samples appended since the start.
    """

    def __init__(
        self,
        window_end: Callable[[int], int],
        recent: RecentWindow,
        chunk_begins: Callable[[int], None],
        chunk_vectors: int,
        chunk_age_ms: int,
    ) -> None:
        """Create heads for no source yet.

        Args:
            window_end: returns the exclusive end of the window that a time belongs to;
                raises ValueError for a time that no window can hold.
            recent: where sources get their rings.
            chunk_begins: called with the first time of each chunk that begins.
            chunk_vectors: the number of vectors at which a chunk is closed.
            chunk_age_ms: the length of time at which a chunk is closed.
        """
        self._window_end, self._recent, self._chunk_begins = window_end, recent, chunk_begins
        self._chunk_vectors, self._chunk_age_ms = chunk_vectors, chunk_age_ms
        self._heads: dict[int, SourceHead] = {}
        self._ends: dict[int, int] = {}
        self._lock = threading.Lock()
        self.generation = self.disturbances = 0
        self.samples_total = 0

    def __len__(self) -> int:
        return len(self._heads)

    def __iter__(self) -> Iterator[SourceHead]:
        return iter(list(self._heads.values()))

    def visible(self) -> list[SourceHead]:
        """Return the heads of sources that hold samples."""
        return [head for head in self if not head.is_hidden]

    def without_head(self, source_ids: Iterable[int]) -> set[int]:
        """Return the numbers among `source_ids` that have no head."""
        return set(source_ids).difference(self._heads)

    def get(self, source_id: int) -> SourceHead | None:
        """Return the head of a source, None if it has none."""
        return self._heads.get(source_id)

    def start_after(self, ends: Mapping[int, int]) -> None:
        """Refuse vectors that are not newer than these times, keyed by source number."""
        self._ends.update(ends)

    def append(self, source: Source, vector: Vector, layout: StoredLayout) -> AppendedVector:
        """Append a vector to the head of its source.

        Raises:
            OutOfOrderError: it is not newer than the source's last vector.
            ValueError: layout, columns and values do not fit together.
        """
        with self._lock:
            head = self._heads.get(source.id)
            if head is not None and layout is head.layout:
                appended = self._append(head, vector, layout)
            else:
                with self._changing():
                    head = head or self._new_head(source, vector, layout)
                    self._resize_ring(head, layout)
                    appended = self._append(head, vector, layout)
                    self._heads[source.id] = head
            if appended.ordinal == _MEASURED_AT:
                self._choose_ring(head)
            # A source whose vectors arrive in parts may still amend this one.
            if appended.ordinal + 1 >= appended.chunk.limit and not head.is_amended:
                head.close()
            if not head.is_hidden:
                self.samples_total += len(layout.series)
        return appended

    def amend(self, source: Source, vector: Vector, layout: StoredLayout) -> AppendedVector:
        """Merge values into the last vector of a source.

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
                appended = head.amend(vector, layout)
            else:
                with self._changing():
                    self._resize_ring(head, layout)
                    appended = head.amend(vector, layout)
            if not head.is_hidden:
                self.samples_total += len(vector.values)
        return appended

    def last_vector(self, source_id: int) -> LastVector | None:
        """Return the last vector of a source, None if it has no head."""
        with self._lock:
            head = self._heads.get(source_id)
            if head is None:
                return None
            return LastVector(head.last_ms, head.layout, head.last.copy())

    def _append(self, head: SourceHead, vector: Vector, layout: StoredLayout) -> AppendedVector:
        chunk = head.open
        if chunk is not None and (
            vector.time_ms >= chunk.closes_ms or len(chunk.times_ms) >= chunk.limit
        ):
            head.close()
        # First, because it refuses a time that no window can hold.
        closes_ms = self._closes_ms(vector.time_ms) if head.open is None else 0
        appended = head.append(vector, layout)
        if appended.ordinal == 0:
            self._begin(head, appended.chunk, closes_ms or self._closes_ms(vector.time_ms))
        return appended

    def _new_head(self, source: Source, vector: Vector, layout: StoredLayout) -> SourceHead:
        if vector.columns is not None:
            raise ValueError(f"{source}: the first vector must give every column")
        end_ms = self._ends.get(source.id)
        if end_ms is None:
            return SourceHead(source, layout, _BEFORE_ALL, _BEFORE_ALL)
        return SourceHead(source, layout, end_ms, vector.time_ms)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep `generation` odd while heads, layouts or rings change."""
        self.generation += 1
        try:
            yield
        finally:
            self.generation += 1

    def _give_up(self, ring: Ring | None) -> None:
        """Release a ring, if there is one; its place may be reused at once."""
        if ring is not None:
            self.disturbances += 1
            self._recent.release(ring)
            self.disturbances += 1

    def _resize_ring(self, head: SourceHead, layout: StoredLayout) -> None:
        """Make room for another layout in the ring of a head, or release the ring."""
        ring = head.ring
        if ring is None or layout is head.layout:
            return
        if not layout.extends(head.layout):
            head.ring = None
            self._give_up(ring)
        elif len(layout.series) > ring.capacity:
            head.ring = self._recent.moved(ring, len(head.layout.series), len(layout.series))
            self._give_up(ring)

    def _choose_ring(self, head: SourceHead) -> None:
        """Give a head a ring that is long enough for the interval of its vectors."""
        chunk, ring = head.open, head.ring
        if chunk is None or head.is_hidden:
            return
        slots = slots_for(min(map(operator.sub, chunk.times_ms[1:], chunk.times_ms)))
        if ring is not None and ring.block.slots == slots:
            return
        with self._changing():
            head.ring = None
            self._give_up(ring)
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
        return min(self._window_end(time_ms), time_ms + self._chunk_age_ms)

    def _begin(self, head: SourceHead, chunk: OpenChunk, closes_ms: int) -> None:
        self._chunk_begins(chunk.times_ms[0])
        chunk.closes_ms = closes_ms
        chunk.limit = self._chunk_vectors
        if head.chunks == 0:
            phase = head.source.id * _GOLDEN_RATIO % 1
            chunk.limit -= int(phase * max(0, self._chunk_vectors - _SHORTEST_CHUNK))
        head.chunks += 1

    def restore(
        self, source: Source, layout: StoredLayout, record: JournalRecord, row: int
    ) -> bool:
        """Append a vector from the journal; return False if the vectors before it are missing."""
        if record.time_ms <= self._ends.get(source.id, _BEFORE_ALL):
            return True
        head = self._heads.get(source.id)
        if head is None:
            head = SourceHead(source, layout, _BEFORE_ALL, record.time_ms)
        self._resize_ring(head, layout)
        restore = head.restore_amendment if record.amends else head.restore
        if not restore(layout, record.time_ms, record.ordinal, record.columns, record.values):
            return False
        if record.amends:
            return True
        self._heads[source.id] = head
        if record.ordinal == 0 and head.open is not None:
            head.open.journal_row = row
            self._begin(head, head.open, self._closes_ms(record.time_ms))
        elif record.ordinal == _MEASURED_AT:
            self._choose_ring(head)
        return True

    def close_older_than(self, start_ms: int) -> None:
        """Close the open chunks that began before a time."""
        with self._lock:
            for head in self._heads.values():
                if head.open is not None and head.open.times_ms[0] < start_ms:
                    head.close()

    def close_later_than(self, end_ms: int) -> None:
        """Close the open chunks that end after a time: their sources go on elsewhere."""
        with self._lock:
            for head in self._heads.values():
                if head.open is not None and head.last_ms > end_ms:
                    head.close()

    def accept_from(self, start_ms: int) -> None:
        """Accept vectors after a time from sources without a head, whatever they had before."""
        self._ends = {source: min(end_ms, start_ms) for source, end_ms in self._ends.items()}

    def forget_silent(self, since_ms: int, until_ms: int) -> None:
        """Remove the heads whose last vector is outside a range of time, and on disk."""
        with self._lock:
            silent = [
                head
                for head in self._heads.values()
                if not since_ms <= head.last_ms <= until_ms
                and head.open is None
                and not head.closed
            ]
            if not silent:
                return
            with self._changing():
                for head in silent:
                    self._ends[head.source.id] = head.last_ms
                    del self._heads[head.source.id]
                    self._give_up(head.ring)

    def first_ms(self) -> int:
        """Return the time of the oldest vector in memory, NO_TIME if there is none."""
        # Hold the lock: `append` announces a source's first chunk before its head is registered.
        with self._lock:
            chunks = (head.chunks_in_memory()[:1] for head in self._heads.values())
            return min((chunk.times_ms[0] for some in chunks for chunk in some), default=NO_TIME)

    def closed(self) -> list[OpenChunk]:
        """Return the closed chunks, those of one source oldest first."""
        return [chunk for head in self for chunk in head.closed]

    def forget(self, chunk: OpenChunk) -> None:
        """Remove a closed chunk from memory."""
        with self._lock:
            self._heads[chunk.source.id].forget(chunk)

    def shed(self, most_bytes: int) -> int:
        """Drop the oldest closed chunks while all of them take more than `most_bytes`.

        Returns the number of dropped vectors.

        They pile up only if the disk refuses writes for hours. Losing the oldest samples
        is better than running out of memory.
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
            log.error("vectors_dropped", vectors=vectors, fix=FREE_SPACE)
        return vectors

    def first_row(self, next_row: int) -> int:
        """Return the oldest journal row of a chunk in memory, `next_row` if there is none."""
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
