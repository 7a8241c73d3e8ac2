"""The head: what of each source is not in a chunk file yet.

An open chunk keeps its first vector whole and of the others only what changed, as
bytes that go to the journal as they are. A matrix is made when one is asked for.

One thread appends (under the store's lock); any thread may read at the same time,
because a chunk only ever grows at its end and `times` grows last.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, NO_TIME, STALE_BITS, Times, Values
from storage.api.errors import OutOfOrderError
from storage.api.samples import Source, Vector
from storage.samples.catalog import START_TIMES
from storage.samples.layouts import Columns, StoredLayout

if TYPE_CHECKING:
    from storage.samples.recent import Ring

_STALE_BYTES = STALE_BITS.to_bytes(8, "little")
_FLOAT = np.dtype("<f8")
Places = NDArray[np.unsignedinteger[Any]]
_COLUMN = np.dtype("<u4")
_NARROW_COLUMN, _WIDE_COLUMN = np.dtype("<u2"), np.dtype("<u4")
_NARROW_COLUMNS = 2**16
_NOWHERE = np.uint32(2**32 - 1)

# Python's own cost of one change record: two bytes objects and three list slots.
_RECORD_OVERHEAD_BYTES = 130


class OpenChunk:
    """Consecutive vectors of one source, each layout a prefix of the next.

    Attributes:
        source: whose they are.
        layout: of the last vector; the earlier ones' columns are its first.
        times_ms: when, ascending.
        changes: for each vector the changed columns and their values (float64); the
            first has no columns and all values. The last one is replaced as it is
            amended: columns and values in one object, so that readers see both or none.
        column_type: of the columns, two bytes where they fit and four otherwise.
        closes_ms: a vector at this time or later begins another chunk.
        limit: how many vectors it takes.
        journal_row: the journal row its first vector is in, None until committed.
        size_bytes: memory held, about.
        is_dropped: given up while the disk refused; the journal need not keep it.
    """

    __slots__ = (
        "changes",
        "closes_ms",
        "column_type",
        "is_dropped",
        "journal_row",
        "layout",
        "limit",
        "size_bytes",
        "source",
        "times_ms",
    )

    def __init__(self, source: Source, layout: StoredLayout, time_ms: int, values: bytes) -> None:
        self.source, self.layout = source, layout
        self.times_ms = [time_ms]
        self.changes = [(b"", values)]
        self.column_type = _column_type(len(values) // _FLOAT.itemsize)
        self.closes_ms = NO_TIME
        self.limit = 0
        self.journal_row: int | None = None
        self.size_bytes = len(values) + _RECORD_OVERHEAD_BYTES
        self.is_dropped = False

    def add(self, layout: StoredLayout, time_ms: int, columns: bytes, values: bytes) -> None:
        """Take the next vector's changes."""
        self.layout = layout
        self.changes.append((columns, values))
        self.size_bytes += len(columns) + len(values) + _RECORD_OVERHEAD_BYTES
        self.times_ms.append(time_ms)

    def amend(
        self, layout: StoredLayout, columns: Places, values: Values, before: Values | None
    ) -> None:
        """Put values into the last vector; `before` is the one before it, where known."""
        self.layout = layout
        old_columns, old_values = self.changes[-1]
        if len(self.times_ms) == 1:
            whole = _absent(len(layout.series))
            whole[: len(old_values) // _FLOAT.itemsize] = np.frombuffer(old_values)
            whole[columns] = values
            new_columns, new_values = b"", whole.tobytes()
        else:
            known = np.frombuffer(old_columns, self.column_type)
            stays = ~np.isin(known, columns)
            if before is not None:
                # What was suspended only because it came late has not changed at all.
                some = columns < len(before)
                same = np.zeros(len(columns), np.bool_)
                same[some] = before[columns[some]].view(np.uint64) == values[some].view(np.uint64)
                columns, values = columns[~same], values[~same]
            places = np.concatenate([known[stays], columns.astype(self.column_type)])
            kept = np.frombuffer(old_values)[stays]
            new_columns, new_values = places.tobytes(), np.concatenate([kept, values]).tobytes()
        self.changes[-1] = new_columns, new_values
        self.size_bytes += len(new_columns) + len(new_values)
        self.size_bytes -= len(old_columns) + len(old_values)

    def holds(self, layout: StoredLayout) -> bool:
        """Whether the columns of a layout fit the type of this chunk's."""
        return self.column_type == _WIDE_COLUMN or len(layout.series) <= _NARROW_COLUMNS

    def view(self) -> "ChunkView":
        """Return the chunk as it is now; later vectors do not show."""
        count = len(self.times_ms)
        return ChunkView(self, self.layout, count)


@dataclass(frozen=True, slots=True, eq=False)
class ChunkView:
    """The first `count` vectors of an open chunk."""

    chunk: OpenChunk
    layout: StoredLayout
    count: int

    @property
    def start_ms(self) -> int:
        """When the first vector was."""
        return self.chunk.times_ms[0]

    @property
    def end_ms(self) -> int:
        """When the last vector was."""
        return self.chunk.times_ms[self.count - 1]

    def times(self) -> Times:
        """Return when all of them were."""
        return np.array(self.chunk.times_ms[: self.count], np.int64)

    def matrix(self, columns: Columns | None = None) -> Values:
        """Return the values, shape (series, times), of some ascending columns or all."""
        count, width = self.count, len(self.layout.series)
        changes = self.chunk.changes[:count]
        base = np.full(width, ABSENT_BITS, np.uint64)
        # The last vector may have been amended since, and have more columns than the view.
        first = np.frombuffer(changes[0][1], np.uint64)[:width]
        base[: len(first)] = first
        values = [values for _, values in changes[1:]]
        rows = np.frombuffer(b"".join([some for some, _ in changes[1:]]), self.chunk.column_type)
        changed = np.frombuffer(b"".join(values), np.uint64)
        ends = np.cumsum(np.fromiter(map(len, values), np.intp, count - 1)) >> 3
        if columns is None:
            times = np.repeat(np.arange(1, count), np.diff(ends, prepend=0))
            if len(rows) and rows.max() >= width:
                known = rows < width
                rows, times, changed = rows[known], times[known], changed[known]
        else:
            base = base[columns]
            low, high = int(columns[0]), int(columns[-1])
            # Wraps around below `low`: one comparison finds both sides.
            lowest = rows.dtype.type(low)
            kept = np.flatnonzero(rows - lowest <= rows.dtype.type(high - low))
            rows = rows[kept] - lowest
            if len(columns) <= high - low:
                place = np.full(high - low + 1, _NOWHERE, np.uint32)
                place[columns - low] = np.arange(len(columns), dtype=np.uint32)
                inside = place[rows] != _NOWHERE
                rows, kept = place[rows[inside]], kept[inside]
            changed = changed[kept]
            times = np.searchsorted(ends, kept, "right") + 1
        return _fill_forward(base, rows, times, changed, count).view(np.float64)


def _fill_forward(
    base: NDArray[np.uint64],
    rows: NDArray[np.integer[Any]],
    times: NDArray[np.intp],
    changed: NDArray[np.uint64],
    count: int,
) -> NDArray[np.uint64]:
    """Return shape (series, count): `base` first, each change from its time on.

    A staleness marker stands at its own time only; after it there is no sample.
    """
    pool = np.concatenate([base, changed])
    # Later changes have larger numbers, so the running maximum is the latest one.
    origin = np.zeros((len(base), count), np.intp)
    origin[:, 0] = np.arange(len(base))
    origin[rows, times] = np.arange(len(base), len(pool))
    np.maximum.accumulate(origin, axis=1, out=origin)
    filled = pool[origin]
    if (pool == STALE_BITS).any():
        carried = filled[:, 1:] == STALE_BITS
        carried &= origin[:, 1:] == origin[:, :-1]
        filled[:, 1:][carried] = ABSENT_BITS
    return filled


@dataclass(frozen=True, slots=True, eq=False)
class Appended:
    """One vector as the journal takes it; `columns` is None where it begins a chunk.

    Attributes:
        amends: whether it is put into the vector of this ordinal.
    """

    chunk: OpenChunk
    layout: StoredLayout
    ordinal: int
    time_ms: int
    columns: bytes | None
    values: bytes
    amends: bool = False


class SourceHead:
    """The last vector of one source, its open chunk, and closed ones not on disk yet.

    Attributes:
        layout: of the last vector.
        lineage_ms: since then every vector's layout is a prefix of `layout`.
        last: the last vector's values, ABSENT for series that ended.
        before: those of the vector before it; None unless vectors were amended.
        is_amended: whether a vector was amended: the source's come in parts.
        open, closed: its chunks.
        chunks: how many it began.
        ring: its place in the recent window, if it has one.
        holds_starts: its values are start times, which readers of samples do not see.
    """

    __slots__ = (
        "before",
        "chunks",
        "closed",
        "holds_starts",
        "is_amended",
        "last",
        "last_ms",
        "layout",
        "lineage_ms",
        "open",
        "ring",
        "source",
    )

    def __init__(self, source: Source, layout: StoredLayout, last_ms: int, lineage_ms: int) -> None:
        self.source, self.layout, self.lineage_ms = source, layout, lineage_ms
        self.last: Values = _absent(len(layout.series))
        self.before: Values | None = None
        self.is_amended = False
        self.last_ms = last_ms
        self.open: OpenChunk | None = None
        self.closed: list[OpenChunk] = []
        self.chunks = 0
        self.ring: Ring | None = None
        self.holds_starts = source.stream.startswith(START_TIMES)

    def append(self, vector: Vector, layout: StoredLayout) -> Appended:
        """Take a vector; nothing is changed if it is refused.

        Raises:
            OutOfOrderError: it is not newer than the last one.
            ValueError: layout, columns and values do not fit together.
        """
        if vector.time_ms <= self.last_ms:
            raise OutOfOrderError(str(self.source), vector.time_ms, self.last_ms)
        columns, values = _checked(vector, len(layout.series))
        if self.is_amended:
            self.before = self.last.copy()
        if layout is not self.layout:
            self._change_layout(layout, vector.time_ms, replaced=columns is None)
        last = self.last
        if columns is None:
            changed = np.flatnonzero(last.view(np.uint64) != values.view(np.uint64))
            columns, values = changed.astype(_COLUMN), values[changed]
        try:
            last[columns] = values
        except IndexError as exc:
            raise ValueError(f"{self.source}: {exc}") from exc
        changes = values.tobytes()
        ended = _STALE_BYTES in changes
        chunk = self.open
        if chunk is not None and not chunk.holds(layout):
            self.close()
            chunk = None
        if chunk is None:
            whole = last.tobytes()
            self.open = chunk = OpenChunk(self.source, layout, vector.time_ms, whole)
            taken = Appended(chunk, layout, 0, vector.time_ms, None, whole)
        else:
            places = columns.astype(chunk.column_type).tobytes()
            taken = Appended(chunk, layout, len(chunk.times_ms), vector.time_ms, places, changes)
            chunk.add(layout, vector.time_ms, places, changes)
        self.last_ms = vector.time_ms
        if self.ring is not None:
            self.ring.push(vector.time_ms, last)
        if ended:
            self.end_stale()
        return taken

    def amend(self, vector: Vector, layout: StoredLayout) -> Appended:
        """Put values into the last vector; nothing is changed if they are refused.

        Raises:
            OutOfOrderError: the last vector has another time, or its chunk is closed.
            ValueError: layout, columns and values do not fit together.
        """
        chunk = self.open
        if chunk is None or vector.time_ms != self.last_ms or not chunk.holds(layout):
            raise OutOfOrderError(str(self.source), vector.time_ms, self.last_ms)
        columns, values = _checked(vector, len(layout.series))
        if columns is None:
            raise ValueError(f"{self.source}: amending a vector takes columns")
        self._amend(chunk, layout, columns, values)
        return Appended(
            chunk,
            layout,
            len(chunk.times_ms) - 1,
            vector.time_ms,
            columns.astype(chunk.column_type).tobytes(),
            values.tobytes(),
            amends=True,
        )

    def _amend(
        self, chunk: OpenChunk, layout: StoredLayout, columns: Places, values: Values
    ) -> None:
        if layout is not self.layout:
            self._change_layout(layout, self.last_ms, replaced=False)
        self.last[columns] = values
        chunk.amend(layout, columns, values, self.before)
        self.is_amended = True
        if self.ring is not None:
            self.ring.amend(columns, values)
        if _STALE_BYTES in values.tobytes():
            self.end_stale()

    def restore_amendment(
        self, layout: StoredLayout, time_ms: int, ordinal: int, columns: bytes, values: bytes
    ) -> bool:
        """Take an amendment as the journal holds it; False if its vector is not the last."""
        chunk = self.open
        if chunk is None or ordinal != len(chunk.times_ms) - 1 or time_ms != self.last_ms:
            return False
        places = np.frombuffer(columns, chunk.column_type)
        self._amend(chunk, layout, places, np.frombuffer(values, _FLOAT))
        return True

    def restore(
        self, layout: StoredLayout, time_ms: int, ordinal: int, columns: bytes, values: bytes
    ) -> bool:
        """Take a vector as the journal holds it; False if it does not follow the last."""
        if ordinal == 0:
            self.close()
            if not layout.extends(self.layout):
                self.lineage_ms = time_ms
            self.layout = layout
            self.last = np.frombuffer(values, _FLOAT).copy()
            self.open = OpenChunk(self.source, layout, time_ms, values)
        else:
            chunk = self.open
            if chunk is None or ordinal != len(chunk.times_ms):
                return False
            if self.is_amended:
                self.before = self.last.copy()
            if layout is not self.layout:
                self._change_layout(layout, time_ms, replaced=False)
            places = np.frombuffer(columns, chunk.column_type)
            self.last[places] = np.frombuffer(values, _FLOAT)
            chunk.add(layout, time_ms, columns, values)
        self.last_ms = time_ms
        if self.ring is not None:
            self.ring.push(time_ms, self.last)
        if _STALE_BYTES in values:
            self.end_stale()
        return True

    def _change_layout(self, layout: StoredLayout, time_ms: int, *, replaced: bool) -> None:
        if layout.extends(self.layout):
            more = len(layout.series) - len(self.last)
            self.last = np.concatenate([self.last, _absent(more)])
        elif replaced:
            self.close()
            self.last = _absent(len(layout.series))
            self.lineage_ms = time_ms
        else:
            raise ValueError(
                f"{self.source}: layout {layout.id} does not extend {self.layout.id},"
                " so the vector must give every column"
            )
        self.layout = layout

    def end_stale(self) -> None:
        """Forget the values of series that the last vector ended."""
        bits = self.last.view(np.uint64)
        bits[bits == STALE_BITS] = ABSENT_BITS

    def close(self) -> OpenChunk | None:
        """Close the open chunk and return it; the next vector begins another."""
        chunk = self.open
        if chunk is not None:
            # In this order, so that a reader who looks at `open` first misses nothing.
            self.closed.append(chunk)
            self.open = None
        return chunk

    def chunks_in_memory(self) -> list[OpenChunk]:
        """Return the closed chunks and the open one, oldest first; safe in any thread."""
        current = self.open
        chunks = self.closed.copy()
        if current is not None and current not in chunks:
            chunks.append(current)
        return chunks

    def views(self) -> list[ChunkView]:
        """Return every chunk in memory as it is now, oldest first; safe in any thread."""
        return [chunk.view() for chunk in self.chunks_in_memory()]

    @property
    def active_series(self) -> int:
        """How many series have a value now."""
        return int(np.count_nonzero(self.last.view(np.uint64) != ABSENT_BITS))


def _column_type(width: int) -> "np.dtype[np.unsignedinteger[Any]]":
    return _NARROW_COLUMN if width <= _NARROW_COLUMNS else _WIDE_COLUMN


def _absent(count: int) -> Values:
    return np.full(count, ABSENT_BITS, np.uint64).view(np.float64)


def _checked(vector: Vector, width: int) -> tuple[NDArray[np.uint32] | None, Values]:
    columns, values = vector.columns, vector.values
    if values.dtype != _FLOAT or values.ndim != 1:
        raise ValueError("values must be one row of float64")
    if columns is None:
        if len(values) != width:
            raise ValueError(f"{len(values)} values for {width} columns")
        return None, values
    if columns.dtype != _COLUMN or columns.shape != values.shape:
        raise ValueError(f"{len(columns)} columns (uint32) for {len(values)} values")
    # Ascending, so the last one is the largest; numpy checks the others as they are used.
    if len(columns) and columns[-1] >= width:
        raise ValueError(f"column {columns[-1]} in a layout of {width}")
    return columns, values
