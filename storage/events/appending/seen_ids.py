"""A set of 64-bit hashes that may answer "perhaps": a blocked Bloom filter.

Most events are new, and a lookup among millions of stored ids would cost a scan of them
for each commit. The filter answers "new" for certain; only for the few others is the
table read. With 24 bits a hash about one new event in 40,000 is looked up.

Source: Putze, Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters", 2007.
"""

import numpy as np
from numpy.typing import NDArray

_WORDS_PER_BLOCK = 8
"""A block is one cache line of 64 bytes."""
_BITS_PER_HASH = 24
_PROBES = 8
_FIRST_CAPACITY = 1 << 20


class SeenIds:
    """Hashes that have been added; grows by further filters, each twice as large."""

    def __init__(self, capacity: int = _FIRST_CAPACITY) -> None:
        self._next_capacity = capacity
        self._filters: list[_BlockedFilter] = []

    @property
    def size_bytes(self) -> int:
        """The memory of all filters."""
        return sum(one.words.nbytes for one in self._filters)

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Add hashes."""
        start = 0
        while start < len(hashes):
            if not self._filters or not self._filters[-1].room:
                self._filters.append(_BlockedFilter(self._next_capacity))
                self._next_capacity *= 2
            part = hashes[start : start + self._filters[-1].room]
            self._filters[-1].add(part)
            start += len(part)

    def perhaps(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each hash whether it may have been added; False is certain."""
        found = np.zeros(len(hashes), np.bool_)
        for one in self._filters:
            found |= one.perhaps(hashes)
        return found


class _BlockedFilter:
    def __init__(self, capacity: int) -> None:
        self.room = capacity
        blocks = max(1, capacity * _BITS_PER_HASH // (64 * _WORDS_PER_BLOCK))
        self._blocks = np.uint64(blocks)
        self.words = np.zeros(blocks * _WORDS_PER_BLOCK, np.uint64)

    def add(self, hashes: NDArray[np.uint64]) -> None:
        self.room -= len(hashes)
        words, bits = self._places(hashes)
        np.bitwise_or.at(self.words, words.ravel(), bits.ravel())

    def perhaps(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        words, bits = self._places(hashes)
        found: NDArray[np.bool_] = ((self.words[words] & bits) != 0).all(axis=0)
        return found

    def _places(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
        """Return word and bit of each probe, both of shape (probes, hashes)."""
        # The upper half chooses the block, products with odd constants the bits in it.
        upper = hashes >> np.uint64(32)
        block = (upper * self._blocks) >> np.uint64(32)
        mixed = hashes * np.uint64(0x9E3779B97F4A7C15)
        words = np.empty((_PROBES, len(hashes)), np.intp)
        bits = np.empty((_PROBES, len(hashes)), np.uint64)
        for probe in range(_PROBES):
            place = mixed >> np.uint64(55)
            words[probe] = block * np.uint64(_WORDS_PER_BLOCK) + (place >> np.uint64(6))
            bits[probe] = np.uint64(1) << (place & np.uint64(63))
            mixed = mixed * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(0x94D049BB133111EB)
        return words, bits
