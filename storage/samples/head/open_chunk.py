"""Open chunks: the newest vectors of one source, not yet in a window file.

An open chunk holds its first vector whole and of each later one the changed columns
(`changes`). A matrix is built on demand.

One thread adds vectors. Any thread may read at the same time, because a chunk only grows
at its end, and `times_ms` grows last.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, NO_TIME, STALE_BITS, Times, Values, absent_vector
from storage.api.samples import Source
from storage.samples.catalog.layouts import Columns, StoredLayout
from storage.samples.head.changes import FLOAT, Changes, Places

_NARROW_COLUMN, _WIDE_COLUMN = np.dtype("<u2"), np.dtype("<u4")
_NARROW_COLUMNS = 2**16
_NOWHERE = np.uint32(2**32 - 1)


def _column_type(width: int) -> "np.dtype[np.unsignedinteger[Any]]":
    return _NARROW_COLUMN if width <= _NARROW_COLUMNS else _WIDE_COLUMN


class OpenChunk:
    """Consecutive vectors of one source, the layout of each a prefix of the next.

    Attributes:
        source: the source of the vectors.
        layout: the layout of the last vector.
        times_ms: the time of each vector, ascending.
        first: the values of the first vector (float64).
        changes: the changes of the later vectors.
        column_type: uint16 if all columns fit, else uint32.
        closes_ms: a vector at this time or later begins another chunk.
        limit: the most vectors it takes.
        journal_row: the journal row of its first vector, None until that is committed.
        is_dropped: whether it was dropped because the disk refused it: the journal need
            not write its vectors either.
    """

    __slots__ = (
        "changes",
        "closes_ms",
        "column_type",
        "first",
        "is_dropped",
        "journal_row",
        "layout",
        "limit",
        "source",
        "times_ms",
    )

    def __init__(self, source: Source, layout: StoredLayout, time_ms: int, values: bytes) -> None:
        self.source, self.layout = source, layout
        self.times_ms = [time_ms]
        self.first = values
        self.column_type = _column_type(len(values) // FLOAT.itemsize)
        self.changes = Changes(self.column_type)
        self.closes_ms = NO_TIME
        self.limit = 0
        self.journal_row: int | None = None
        self.is_dropped = False

    @property
    def size_bytes(self) -> int:
        """Memory held, approximately."""
        return len(self.first) + self.changes.size_bytes

    def add(self, layout: StoredLayout, time_ms: int, columns: bytes, values: bytes) -> None:
        """Append the changes of the next vector."""
        self.layout = layout
        self.changes.add(columns, values)
        self.times_ms.append(time_ms)

    def amend(
        self, layout: StoredLayout, columns: Places, values: Values, before: Values | None
    ) -> None:
        """Merge values into the last vector; `before` is the one before it, if known."""
        self.layout = layout
        if len(self.times_ms) == 1:
            whole = absent_vector(len(layout.series))
            whole[: len(self.first) // FLOAT.itemsize] = np.frombuffer(self.first)
            whole[columns] = values
            self.first = whole.tobytes()
            return
        old_columns, old_values = self.changes.last
        known = np.frombuffer(old_columns, self.column_type)
        stays = ~np.isin(known, columns)
        if before is not None:
            # A series that was ABSENT only because its part arrived late has not changed.
            some = columns < len(before)
            same = np.zeros(len(columns), np.bool_)
            same[some] = before[columns[some]].view(np.uint64) == values[some].view(np.uint64)
            columns, values = columns[~same], values[~same]
        places = np.concatenate([known[stays], columns.astype(self.column_type)])
        kept = np.frombuffer(old_values)[stays]
        self.changes.replace_last(places.tobytes(), np.concatenate([kept, values]).tobytes())

    def holds(self, layout: StoredLayout) -> bool:
        """Whether the columns of a layout fit `column_type`."""
        return self.column_type == _WIDE_COLUMN or len(layout.series) <= _NARROW_COLUMNS

    def view(self) -> "ChunkView":
        """Return a view of the vectors that the chunk has now."""
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
        """The time of the first vector."""
        return self.chunk.times_ms[0]

    @property
    def end_ms(self) -> int:
        """The time of the last vector."""
        return self.chunk.times_ms[self.count - 1]

    def times(self) -> Times:
        """Return the times of all vectors."""
        return np.array(self.chunk.times_ms[: self.count], np.int64)

    def matrix(self, columns: Columns | None = None) -> Values:
        """Return the values of all columns or of some ascending ones, shape (series, times)."""
        count, width = self.count, len(self.layout.series)
        base = np.full(width, ABSENT_BITS, np.uint64)
        # The vector may have been amended since, with more columns than the view has.
        first = np.frombuffer(self.chunk.first, np.uint64)[:width]
        base[: len(first)] = first
        changes = self.chunk.changes.joined(count - 1)
        rows, ends = changes.columns, changes.ends
        if columns is None:
            times = np.repeat(np.arange(1, count), np.diff(ends, prepend=0))
            changed = changes.bits()
            if len(rows) and rows.max() >= width:
                known = rows < width
                rows, times, changed = rows[known], times[known], changed[known]
        else:
            base = base[columns]
            low, high = int(columns[0]), int(columns[-1])
            # Unsigned: below `low` it wraps around, so one comparison checks both bounds.
            lowest = rows.dtype.type(low)
            kept = np.flatnonzero(rows - lowest <= rows.dtype.type(high - low))
            rows = rows[kept] - lowest
            if len(columns) <= high - low:
                place = np.full(high - low + 1, _NOWHERE, np.uint32)
                place[columns - low] = np.arange(len(columns), dtype=np.uint32)
                inside = place[rows] != _NOWHERE
                rows, kept = place[rows[inside]], kept[inside]
            changed = changes.bits_at(kept)
            times = np.searchsorted(ends, kept, "right") + 1
        return _fill_forward(base, rows, times, changed, count).view(np.float64)


def _fill_forward(
    base: NDArray[np.uint64],
    rows: NDArray[np.integer[Any]],
    times: NDArray[np.intp],
    changed: NDArray[np.uint64],
    count: int,
) -> NDArray[np.uint64]:
    """Return shape (series, count): `base` at first, each change from its time on.

    A staleness marker is not carried forward: after it the series is ABSENT.
    """
    pool = np.concatenate([base, changed])
    # Later changes have larger numbers, so the running maximum is the latest change.
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
