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
_BLOCK = 1 << 13
"""Hashes whose probes fit into a core's cache."""


def _generator() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the factors and the summands of the probes, both of shape (probes, 1).

    Each probe takes the upper bits of the next number of a linear congruential generator
    that begins with the hash. All at once, a small batch takes a fifth of the time.
    """
    factor, summand = 0x9E3779B97F4A7C15, 0
    factors, summands = [], []
    for _ in range(_PROBES):
        factors.append(factor)
        summands.append(summand)
        factor = factor * 0xBF58476D1CE4E5B9 % 2**64
        summand = (summand * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) % 2**64
    return np.array(factors, np.uint64)[:, None], np.array(summands, np.uint64)[:, None]


_FACTORS, _SUMMANDS = _generator()


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
            part = hashes[start : start + min(self._filters[-1].room, _BLOCK)]
            self._filters[-1].add(part)
            start += len(part)

    def perhaps(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each hash whether it may have been added; False is certain."""
        found = np.zeros(len(hashes), np.bool_)
        offsets, bits = _offsets(hashes)
        for one in self._filters:
            found |= one.holds(one.places(hashes, offsets), bits)
        return found

    def take(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add hashes; return for each what `perhaps` returned before.

        A batch of new hashes needs its probes once, not for both.
        """
        found = np.zeros(len(hashes), np.bool_)
        offsets, bits = _offsets(hashes)
        last = places = None
        for last in self._filters:
            places = last.places(hashes, offsets)
            found |= last.holds(places, bits)
        room = 0 if last is None else min(last.room, _BLOCK)
        if last is not None and places is not None and len(hashes) <= room and not found.any():
            last.set(places, bits)
        else:
            self.add(hashes[~found])
        return found


def _offsets(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.uint64]]:
    """Return the word in its block and the bit of each probe, both of shape (probes, hashes)."""
    place = (_FACTORS * hashes + _SUMMANDS) >> np.uint64(55)
    return (place >> np.uint64(6)).astype(np.intp), np.uint64(1) << (place & np.uint64(63))


class _BlockedFilter:
    def __init__(self, capacity: int) -> None:
        self.room = capacity
        blocks = max(1, capacity * _BITS_PER_HASH // (64 * _WORDS_PER_BLOCK))
        self._blocks = np.uint64(blocks)
        self.words = np.zeros(blocks * _WORDS_PER_BLOCK, np.uint64)

    def add(self, hashes: NDArray[np.uint64]) -> None:
        offsets, bits = _offsets(hashes)
        self.set(self.places(hashes, offsets), bits)

    def set(self, places: NDArray[np.intp], bits: NDArray[np.uint64]) -> None:
        """Set the bits of new hashes, both of shape (probes, hashes)."""
        self.room -= places.shape[1]
        np.bitwise_or.at(self.words, places.ravel(), bits.ravel())

    def holds(self, places: NDArray[np.intp], bits: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each hash whether all its bits are set."""
        found: NDArray[np.bool_] = ((self.words[places] & bits) != 0).all(axis=0)
        return found

    def places(self, hashes: NDArray[np.uint64], offsets: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the word of each probe; the upper half of a hash chooses its block."""
        upper = hashes >> np.uint64(32)
        block = (upper * self._blocks) >> np.uint64(32)
        return (block * np.uint64(_WORDS_PER_BLOCK)).astype(np.intp) + offsets
