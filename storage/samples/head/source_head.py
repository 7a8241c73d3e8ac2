"""The head of a source: its last vector and its chunks in memory.

One thread appends (under the lock of `Heads`); any thread may read at the same time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, STALE_BITS, Values, absent_vector
from storage.api.errors import OutOfOrderError
from storage.api.samples import Source, Vector
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.layouts import Columns, StoredLayout
from storage.samples.head.changes import FLOAT, Places
from storage.samples.head.journal_records import AppendedVector
from storage.samples.head.open_chunk import ChunkView, OpenChunk

if TYPE_CHECKING:
    from storage.samples.head.recent import Ring

_COLUMN: Final = np.dtype("<u4")
_CHANGING: Final = -(2**62)
_STALE_BYTES: Final = STALE_BITS.to_bytes(8, "little")


@dataclass(frozen=True, slots=True, eq=False)
class NewestValues:
    """Some values of the last vector of a source, and its time."""

    time_ms: int
    values: Values


class SourceHead:
    """The last vector of one source, its open chunk, and the closed ones not yet on disk.

    Readers of the last vector take no lock: `last_ms` is `_CHANGING` while it changes, and
    another time afterwards.

    Attributes:
        layout: the layout of the last vector.
        lineage_ms: since this time the layout of every vector is a prefix of `layout`.
        last: the values of the last vector, ABSENT for series that ended.
        before: the values of the vector before it; None unless vectors were amended.
        is_amended: whether a vector was ever amended, so that each may arrive in parts.
        open, closed: the chunks in memory.
        chunks: how many chunks were begun.
        ring: the source's place in the recent window, None if it has none.
        is_hidden: whether its values are not samples: readers of samples do not see it.
    """

    __slots__ = (
        "before",
        "chunks",
        "closed",
        "is_amended",
        "is_hidden",
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
        self.last: Values = absent_vector(len(layout.series))
        self.before: Values | None = None
        self.is_amended = False
        self.last_ms = last_ms
        self.open: OpenChunk | None = None
        # Replaced whole, because an empty tuple takes no memory and most heads have none.
        self.closed: tuple[OpenChunk, ...] = ()
        self.chunks = 0
        self.ring: Ring | None = None
        self.is_hidden = SourceKind.of_stream(source.stream) is not SourceKind.SAMPLES

    def append(self, vector: Vector, layout: StoredLayout) -> AppendedVector:
        """Append a vector; a refused one changes nothing.

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
        last_ms, self.last_ms = self.last_ms, _CHANGING
        try:
            last[columns] = values
        except IndexError as exc:
            self.last_ms = last_ms
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
            appended = AppendedVector(chunk, layout, 0, vector.time_ms, None, whole)
        else:
            places = columns.astype(chunk.column_type).tobytes()
            ordinal = len(chunk.times_ms)
            appended = AppendedVector(chunk, layout, ordinal, vector.time_ms, places, changes)
            chunk.add(layout, vector.time_ms, places, changes)
        if self.ring is not None:
            self.ring.push(vector.time_ms, last)
        if ended:
            self._drop_ended()
        self.last_ms = vector.time_ms
        return appended

    def amend(self, vector: Vector, layout: StoredLayout) -> AppendedVector:
        """Merge values into the last vector; refused ones change nothing.

        Raises:
            OutOfOrderError: the last vector has another time, or its chunk is closed.
            ValueError: layout, columns and values do not fit together.
        """
        chunk = self.open
        if chunk is None or vector.time_ms != self.last_ms or not chunk.holds(layout):
            raise OutOfOrderError(str(self.source), vector.time_ms, self.last_ms)
        columns, values = _checked(vector, len(layout.series))
        if columns is None:
            raise ValueError(f"{self.source}: an amending vector must name its columns")
        self._amend(chunk, layout, columns, values)
        return AppendedVector(
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
        last_ms = self.last_ms
        if layout is not self.layout:
            self._change_layout(layout, last_ms, replaced=False)
        self.last_ms = _CHANGING
        try:
            self.last[columns] = values
            chunk.amend(layout, columns, values, self.before)
            self.is_amended = True
            if self.ring is not None:
                self.ring.amend(columns, values)
            if _STALE_BYTES in values.tobytes():
                self._drop_ended()
        finally:
            self.last_ms = last_ms

    def restore_amendment(
        self, layout: StoredLayout, time_ms: int, ordinal: int, columns: bytes, values: bytes
    ) -> bool:
        """Apply an amendment from the journal; return False if its vector is not the last."""
        chunk = self.open
        if chunk is None or ordinal != len(chunk.times_ms) - 1 or time_ms != self.last_ms:
            return False
        places = np.frombuffer(columns, chunk.column_type)
        self._amend(chunk, layout, places, np.frombuffer(values, FLOAT))
        return True

    def restore(
        self, layout: StoredLayout, time_ms: int, ordinal: int, columns: bytes, values: bytes
    ) -> bool:
        """Append a vector from the journal; return False if it does not follow the last."""
        if ordinal == 0:
            self.close()
            if not layout.extends(self.layout):
                self.lineage_ms = time_ms
            self.layout = layout
            self.last = np.frombuffer(values, FLOAT).copy()
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
            self.last[places] = np.frombuffer(values, FLOAT)
            chunk.add(layout, time_ms, columns, values)
        self.last_ms = time_ms
        if self.ring is not None:
            self.ring.push(time_ms, self.last)
        if _STALE_BYTES in values:
            self._drop_ended()
        return True

    def _change_layout(self, layout: StoredLayout, time_ms: int, *, replaced: bool) -> None:
        if layout.extends(self.layout):
            more = len(layout.series) - len(self.last)
            self.last = np.concatenate([self.last, absent_vector(more)])
        elif replaced:
            self.close()
            self.last = absent_vector(len(layout.series))
            self.lineage_ms = time_ms
        else:
            raise ValueError(
                f"{self.source}: layout {layout.id} does not extend {self.layout.id},"
                " so the vector must give every column"
            )
        self.layout = layout

    def _drop_ended(self) -> None:
        """Replace the staleness markers of the last vector by ABSENT."""
        bits = self.last.view(np.uint64)
        bits[bits == STALE_BITS] = ABSENT_BITS

    def newest(self, layout: StoredLayout, columns: Columns) -> NewestValues | None:
        """Return some values of the last vector; safe in any thread.

        Values are ABSENT for series that ended and for those that the vector lacks.

        Args:
            layout: the layout that numbers the columns.
            columns: the column numbers.

        Returns:
            None if the last vector has another layout, or changes at this moment.
        """
        # The array first: a layout that is replaced comes with another array.
        last, last_ms = self.last, self.last_ms
        if last_ms == _CHANGING or self.layout is not layout:
            return None
        newest = NewestValues(last_ms, last[columns])
        return newest if self.last_ms == last_ms else None

    def close(self) -> OpenChunk | None:
        """Close the open chunk and return it; the next vector begins another."""
        chunk = self.open
        if chunk is not None:
            # In this order: a reader looks at `open` first, and must not miss the chunk.
            self.closed = (*self.closed, chunk)
            self.open = None
        return chunk

    def forget(self, chunk: OpenChunk) -> None:
        """Remove a closed chunk, which is on disk or given up."""
        self.closed = tuple([one for one in self.closed if one is not chunk])

    def chunks_in_memory(self) -> list[OpenChunk]:
        """Return the closed chunks and the open one, oldest first; safe in any thread."""
        current = self.open
        chunks = list(self.closed)
        if current is not None and current not in chunks:
            chunks.append(current)
        return chunks

    def views(self) -> list[ChunkView]:
        """Return every chunk in memory as it is now, oldest first; safe in any thread."""
        return [chunk.view() for chunk in self.chunks_in_memory()]


def _checked(vector: Vector, width: int) -> tuple[NDArray[np.uint32] | None, Values]:
    columns, values = vector.columns, vector.values
    if values.dtype != FLOAT or values.ndim != 1:
        raise ValueError("values must be one row of float64")
    if columns is None:
        if len(values) != width:
            raise ValueError(f"{len(values)} values for {width} columns")
        return None, values
    if columns.dtype != _COLUMN or columns.shape != values.shape:
        raise ValueError(f"{len(columns)} columns (uint32) for {len(values)} values")
    # Columns ascend, so the last one is the largest.
    if len(columns) and columns[-1] >= width:
        raise ValueError(f"column {columns[-1]} in a layout of {width}")
    return columns, values
