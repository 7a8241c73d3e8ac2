"""Interning of the byte strings and arrays that the expositions of many targets share."""

import sys
from array import array
from collections.abc import Iterable
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

_LONGEST_INTERNED = 2**16
"""Hashing a longer string takes 50 us and more."""
_SWEEP_BYTES = 512 * 2**10
"""Sweep after so many new bytes, or as many as are in use: a sweep takes 0.3 ms."""
_TIDY_BYTES, _TIDY_SHARE = 64 * 2**10, 8
"""`tidy` does nothing before there are so many new bytes, and an eighth of those in use.

A sweep visits all strings: 12,000 of 400 targets take 2.8 ms. Under churn, when the lines of
seven targets change a second, sweeps after each 64 KiB took 3 % of the server's CPU.
"""
# References to an unused string: dictionary key and value, the list in `_sweep`, its
# loop variable and the argument of `getrefcount`.
_OWN_REFERENCES = 5


class BytesInterner:
    """Stores equal byte strings once; hosts with the same exporter share most of them."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._new_bytes, self._used_bytes = 0, 0

    def __len__(self) -> int:
        return len(self._known)

    def intern(self, strings: Iterable[bytes]) -> list[bytes]:
        """Return equal strings, the interned object where there is one; any thread."""
        known = self._known
        interned = []
        for string in strings:
            if len(string) <= _LONGEST_INTERNED:
                shared = known.setdefault(string, string)
                self._new_bytes += len(string) if shared is string else 0
                interned.append(shared)
            else:
                interned.append(string)
        if self._new_bytes >= max(_SWEEP_BYTES, self._used_bytes):
            self._sweep()
        return interned

    def tidy(self) -> None:
        """Remove unused strings now, if many were added since they were last removed."""
        if self._new_bytes >= max(_TIDY_BYTES, self._used_bytes // _TIDY_SHARE):
            self._sweep()

    def _sweep(self) -> None:
        """Remove the strings that nobody else references."""
        for string in list(self._known):
            if sys.getrefcount(string) <= _OWN_REFERENCES:
                self._known.pop(string, None)
        self._new_bytes = 0
        self._used_bytes = sum(map(len, list(self._known)))


class ArrayInterner:
    """Stores equal arrays once, while somebody references them. Interned arrays are read-only."""

    def __init__(self) -> None:
        # By hash: an array with the hash of another one is not interned.
        self._codes: WeakValueDictionary[int, NDArray[np.int32]] = WeakValueDictionary()
        self._offsets: WeakValueDictionary[int, array[int]] = WeakValueDictionary()

    def codes(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return an equal array, the interned object where there is one."""
        codes.setflags(write=False)
        known = self._codes.setdefault(hash(codes.tobytes()), codes)
        return known if np.array_equal(known, codes) else codes

    def offsets(self, offsets: Iterable[int]) -> "array[int]":
        """Return the offsets as an array, the interned object where there is one."""
        new = array("i", offsets)
        known = self._offsets.setdefault(hash(new.tobytes()), new)
        return known if known == new else new
