"""Which message ids were seen: hashes in tables of fixed size, the oldest forgotten.

A set of Python integers takes some 100 bytes an id and stops the loop for tens of
milliseconds each time it grows; these tables take 16 and never move.
"""

from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Half full, a linear probe looks at 1.5 places on average.
_SLOTS_PER_ID: Final = 2
_SMALLEST: Final = 2**15
_LARGEST: Final = 2**20


class _Table:
    """Open addressing with linear probing; 0 marks a free place."""

    def __init__(self, number: int, capacity: int) -> None:
        self.number, self.capacity, self.count = number, capacity, 0
        self._places: Hashes = np.zeros(_SLOTS_PER_ID * capacity, np.uint64)
        # Reads and writes of single numbers are three times as fast as the array's.
        self._view = self._places.data
        self._mask = len(self._places) - 1

    def __contains__(self, key: int) -> bool:
        view, mask = self._view, self._mask
        place = key & mask
        while (found := view[place]) != 0:
            if found == key:
                return True
            place = (place + 1) & mask
        return False

    def add(self, key: int) -> None:
        view, mask = self._view, self._mask
        place = key & mask
        while view[place] != 0:
            place = (place + 1) & mask
        view[place] = key
        self.count += 1

    def fill(self, keys: Hashes) -> None:
        """Add many, different ones."""
        self.count += len(keys)
        places = (keys & np.uint64(self._mask)).astype(np.intp)
        while len(keys):
            # Of those that want one place the first gets it, the others look at the next.
            _, first = np.unique(places, return_index=True)
            settled = np.zeros(len(keys), np.bool_)
            settled[first] = self._places[places[first]] == 0
            self._places[places[settled]] = keys[settled]
            keys, places = keys[~settled], (places[~settled] + 1) & self._mask


class RememberedIds:
    """The hashes of at least the latest `least` ids.

    They are kept in generations, each with twice the room of the one before up to a
    million; a generation goes when the younger ones are enough.

    Attributes:
        generation: the number of the youngest.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._tables = [_Table(0, _SMALLEST)]

    def __len__(self) -> int:
        return sum(table.count for table in self._tables)

    def __contains__(self, key: int) -> bool:
        # The youngest first: who repeats a message does it soon.
        return any(key in table for table in reversed(self._tables))

    @property
    def generation(self) -> int:
        """The number of the youngest generation."""
        return self._tables[-1].number

    @property
    def oldest_generation(self) -> int:
        """The number of the oldest generation that is remembered."""
        return self._tables[0].number

    def add(self, key: int) -> None:
        """Remember a hash, which is not 0 and not remembered yet."""
        youngest = self._tables[-1]
        if youngest.count >= youngest.capacity:
            youngest = self._begin(youngest.number + 1, min(2 * youngest.capacity, _LARGEST))
        youngest.add(key)

    def _begin(self, number: int, capacity: int) -> _Table:
        table = _Table(number, capacity)
        self._tables.append(table)
        while len(self) - self._tables[0].count >= self._least:
            del self._tables[0]
        return table

    def restore(self, generations: Iterable[tuple[int, Hashes]]) -> None:
        """Take back what was remembered, the oldest generation first; nothing is known yet."""
        tables = []
        for number, keys in generations:
            different = np.unique(keys[keys != 0])
            capacity = _SMALLEST
            while capacity < max(len(different), 1):
                capacity *= 2
            table = _Table(number, capacity)
            table.fill(different)
            tables.append(table)
        if tables:
            self._tables = tables


def hashes_of(data: bytes) -> Hashes:
    """Return the hashes that `hash_bytes` wrote."""
    return np.frombuffer(data, "<u8").astype(np.uint64)


def hash_bytes(keys: Iterable[int]) -> bytes:
    """Return hashes as a row stores them."""
    return np.array(array("Q", keys), "<u8").tobytes()
