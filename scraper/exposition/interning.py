"""Interning of the byte strings and arrays that the expositions of many targets share."""

import sys
from array import array
from collections.abc import Iterable
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

_LONGEST_INTERNED = 4096
"""Longer strings contain many values, so two targets rarely share one."""
_SWEEP_FROM = 4096
# References to an unused string: dictionary key and value, the list in `_sweep`, its
# loop variable and the argument of `getrefcount`.
_OWN_REFERENCES = 5


class BytesInterner:
    """Stores equal byte strings once; hosts with the same exporter share most of them."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}
        self._sweep_at = _SWEEP_FROM

    def __len__(self) -> int:
        return len(self._known)

    def intern(self, strings: Iterable[bytes]) -> list[bytes]:
        """Return equal strings, the interned object where there is one; any thread."""
        known = self._known
        interned = [
            known.setdefault(string, string) if len(string) <= _LONGEST_INTERNED else string
            for string in strings
        ]
        if len(known) >= self._sweep_at:
            self._sweep()
        return interned

    def _sweep(self) -> None:
        """Remove the strings that nobody else references."""
        for string in list(self._known):
            if sys.getrefcount(string) <= _OWN_REFERENCES:
                self._known.pop(string, None)
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._known))


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
