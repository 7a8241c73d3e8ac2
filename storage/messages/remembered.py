"""Remembers message ids as hashes, in tables of fixed size.

A set of Python integers takes 100 bytes for each id and blocks the event loop for tens
of milliseconds whenever it grows. These tables take 16 bytes and are never resized.
"""

from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct

Hashes = NDArray[np.uint64]

# In a table that is half full a linear probe looks at 1.5 slots on average.
_SLOTS_PER_ID: Final = 2
_MIN_CAPACITY: Final = 2**15
_MAX_CAPACITY: Final = 2**20


class _Table:
    """A hash table with open addressing and linear probing; 0 marks a free slot."""

    def __init__(self, number: int, capacity: int) -> None:
        self.number, self.capacity, self.count = number, capacity, 0
        self._slots: Hashes = np.zeros(_SLOTS_PER_ID * capacity, np.uint64)
        # A memoryview reads and writes single numbers three times as fast as numpy.
        self._view = self._slots.data
        self._mask = len(self._slots) - 1

    def __contains__(self, key: int) -> bool:
        view, mask = self._view, self._mask
        slot = key & mask
        while (found := view[slot]) != 0:
            if found == key:
                return True
            slot = (slot + 1) & mask
        return False

    def add(self, key: int) -> None:
        view, mask = self._view, self._mask
        slot = key & mask
        while view[slot] != 0:
            slot = (slot + 1) & mask
        view[slot] = key
        self.count += 1

    def fill(self, keys: Hashes) -> None:
        """Add many hashes, all distinct and none in the table."""
        self.count += len(keys)
        slots = (keys & np.uint64(self._mask)).astype(np.intp)
        while len(keys):
            # The first hash of each slot takes it if it is free; the others try the next.
            _, first = np.unique(slots, return_index=True)
            settled = np.zeros(len(keys), np.bool_)
            settled[first] = self._slots[slots[first]] == 0
            self._slots[slots[settled]] = keys[settled]
            keys, slots = keys[~settled], (slots[~settled] + 1) & self._mask


class RememberedIds:
    """The hashes of the latest ids, at least `least` of them.

    They are kept in generations of doubling capacity, up to a million ids. The oldest
    generation is dropped when the younger ones hold enough.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._tables = [_Table(0, _MIN_CAPACITY)]

    def __len__(self) -> int:
        return sum(table.count for table in self._tables)

    def __contains__(self, key: int) -> bool:
        # The youngest first: most messages are repeated soon.
        return any(key in table for table in reversed(self._tables))

    @property
    def generation(self) -> int:
        """The number of the youngest generation."""
        return self._tables[-1].number

    @property
    def oldest_generation(self) -> int:
        """The number of the oldest generation that is still kept."""
        return self._tables[0].number

    def add(self, key: int) -> None:
        """Add a hash, which is not 0 and not known yet."""
        youngest = self._tables[-1]
        if youngest.count >= youngest.capacity:
            youngest = self._begin(youngest.number + 1, min(2 * youngest.capacity, _MAX_CAPACITY))
        youngest.add(key)

    def _begin(self, number: int, capacity: int) -> _Table:
        table = _Table(number, capacity)
        self._tables.append(table)
        while len(self) - self._tables[0].count >= self._least:
            del self._tables[0]
        return table

    def restore(self, generations: Iterable[tuple[int, Hashes]]) -> None:
        """Fill the empty tables with stored hashes, oldest generation first."""
        tables = []
        for number, keys in generations:
            kept = distinct(keys[keys != 0])
            capacity = _MIN_CAPACITY
            while capacity < max(len(kept), 1):
                capacity *= 2
            table = _Table(number, capacity)
            table.fill(kept)
            tables.append(table)
        if tables:
            self._tables = tables


def hashes_of(data: bytes) -> Hashes:
    """Return the hashes in the bytes of `hash_bytes`."""
    return np.frombuffer(data, "<u8").astype(np.uint64)


def hash_bytes(keys: Iterable[int]) -> bytes:
    """Return hashes as the bytes that a row stores."""
    return np.array(array("Q", keys), "<u8").tobytes()
