"""The recent window: the last few minutes of all sources in a few large arrays.

Instant queries and rules ask for one or two series of every host, over the lookback or a
`[5m]` range. A numpy call costs microseconds whatever its size, so the recent window
answers with one gather per block instead of one decode per source.

A *ring* holds the last few vectors of one source and overwrites the oldest. A block holds
many rings side by side, shape (slots, columns): each has a range of columns and a row of
times. One thread writes. Readers take no lock: they read the counts, gather, and read the
counts again. The slot that is written next is never offered to readers, so a count that
has grown too far shows that a gathered slot may have been overwritten.
"""

import mmap
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, NO_TIME, Values

# The usual lookback and a [5m] range, and half a minute for queries slightly in the past.
_REACH_MS = 330_000
_SLOTS = (8, 16, 24, 36, 72)

# Each block adds 60 us to a query, so blocks are few and large. Their pages are small, so a
# small fleet touches little memory.
_BLOCK_BYTES = 32 * 2**20
_BLOCK_SOURCES = 1024

# Spare columns: a layout that grows by a few series stays in its ring.
_SLACK_SHARE = 0.04


class Block:
    """Rings of equal length, side by side.

    Attributes:
        slots: how many vectors each ring holds.
        values: shape (slots, columns).
        times_ms: shape (sources, slots).
        counts: shape (sources,), how many vectors were pushed into each ring; vector n is
            in slot n % slots. Readers may use the last `slots - 1` vectors.
        floors_ms: shape (sources,): the ring holds every sample after this time.
    """

    __slots__ = (
        "counts",
        "floors_ms",
        "next_column",
        "next_row",
        "slots",
        "times_ms",
        "values",
    )

    def __init__(self, slots: int, columns: int) -> None:
        self.slots = slots
        self.values = _untouched(slots, columns)
        self.times_ms = np.full((_BLOCK_SOURCES, slots), NO_TIME, np.int64)
        self.counts = np.zeros(_BLOCK_SOURCES, np.int64)
        self.floors_ms = np.full(_BLOCK_SOURCES, NO_TIME, np.int64)
        self.next_column = 0
        self.next_row = 0


def _untouched(rows: int, columns: int) -> Values:
    """Return a matrix that takes memory only where it has been written.

    Huge pages are off: a ring uses a page or two of each row, and a huge page would make
    all its neighbours resident.
    """
    memory = mmap.mmap(-1, rows * columns * 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(memory, np.float64).reshape(rows, columns)


@dataclass(slots=True, eq=False)
class Ring:
    """The place of one source in a block: a row, and `capacity` columns from `offset` on."""

    block: Block
    row: int
    offset: int
    capacity: int
    count: int = 0

    def push(self, time_ms: int, values: Values) -> None:
        """Overwrite the oldest vector with a new one."""
        block, row, count = self.block, self.row, self.count
        slot = count % block.slots
        block.values[slot, self.offset : self.offset + len(values)] = values
        times = block.times_ms[row]
        times[slot] = time_ms
        self.count = count = count + 1
        # Readers no longer get the vector that is overwritten next.
        block.floors_ms[row] = times[count % block.slots]
        block.counts[row] = count

    def amend(self, columns: NDArray[np.unsignedinteger[Any]], values: Values) -> None:
        """Merge values into the newest vector; a reader may see only some of them."""
        slot = (self.count - 1) % self.block.slots
        self.block.values[slot, self.offset + columns.astype(np.intp)] = values


def slots_for(interval_ms: int) -> int | None:
    """Return how many slots cover the window at an interval, None if it takes too many."""
    wanted = -(-_REACH_MS // max(interval_ms, 1)) + 2
    return next((slots for slots in _SLOTS if slots >= wanted), None)


class RecentWindow:
    """Allocates rings within a bound of memory; used by one thread."""

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes
        self._blocks: dict[int, list[Block]] = defaultdict(list)
        self._free: dict[tuple[int, int], list[Ring]] = defaultdict(list)

    def ring(self, width: int, slots: int, floor_ms: int) -> Ring | None:
        """Return an empty ring for vectors of a width, None if no memory is left.

        `floor_ms` is the time of the last vector that will not be in the ring.
        """
        if width == 0:
            return None
        capacity = width + max(8, int(width * _SLACK_SHARE))
        ring = self._reused(slots, width, capacity) or self._placed(slots, capacity)
        if ring is None:
            return None
        block = ring.block
        block.values.view(np.uint64)[:, ring.offset : ring.offset + ring.capacity] = ABSENT_BITS
        block.times_ms[ring.row] = floor_ms
        block.floors_ms[ring.row] = floor_ms
        return ring

    def _reused(self, slots: int, width: int, capacity: int) -> Ring | None:
        for (known_slots, known), rings in self._free.items():
            if known_slots == slots and width <= known <= 2 * capacity and rings:
                old = rings.pop()
                # The count goes on, so that a late reader of the old ring notices.
                return Ring(old.block, old.row, old.offset, old.capacity, old.count)
        return None

    def _placed(self, slots: int, capacity: int) -> Ring | None:
        size = 8 * slots * (capacity + 1)
        if size > self._left_bytes:
            return None
        self._left_bytes -= size
        for block in self._blocks[slots][-4:]:
            fits = block.next_column + capacity <= block.values.shape[1]
            if fits and block.next_row < _BLOCK_SOURCES:
                return self._take(block, capacity)
        block = Block(slots, max(capacity, _BLOCK_BYTES // (8 * slots)))
        self._blocks[slots].append(block)
        return self._take(block, capacity)

    @staticmethod
    def _take(block: Block, capacity: int) -> Ring:
        ring = Ring(block, block.next_row, block.next_column, capacity)
        block.next_row += 1
        block.next_column += capacity
        return ring

    def moved(self, old: Ring, width: int, wider: int) -> Ring | None:
        """Return a wider ring with the vectors of another, None if no memory is left.

        The caller releases the other ring.
        """
        block = old.block
        new = self.ring(wider, block.slots, int(block.floors_ms[old.row]))
        if new is not None:
            for number in range(max(0, old.count - block.slots + 1), old.count):
                slot = number % block.slots
                values = block.values[slot, old.offset : old.offset + width]
                new.push(int(block.times_ms[old.row, slot]), values)
        return new

    def release(self, ring: Ring) -> None:
        """Make the place of a ring available to other sources."""
        ring.block.floors_ms[ring.row] = NO_TIME
        self._free[ring.block.slots, ring.capacity].append(ring)
