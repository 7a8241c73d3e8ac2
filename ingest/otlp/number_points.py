"""Number points of the fixed forms that SDKs and Collectors write.

A point with a start time, a time and a value of eight bytes each, before or after its
attributes, is found in the message here and read later, together with all others.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.series.sample_batch import Samples

START_TAG, TIME_TAG, DOUBLE_TAG, INTEGER_TAG, ATTRIBUTES_TAG = 0x11, 0x19, 0x21, 0x31, 0x3A
"""The tags of the fields of a number point."""

_TIME: Final = [("time_tag", "u1"), ("time_ns", "<i8"), ("value_tag", "u1"), ("value", "<f8")]
_START: Final = [("start_tag", "u1"), ("start_ns", "<i8")]
_NS: Final = 1_000_000
_TIME_AT: Final = 17
"""The bytes from the time of a point to the end of its fixed fields."""


class FixedPoints:
    """Points of one fixed form.

    Attributes:
        size: the bytes of the fixed fields of each.
        series: the number of the series of each.
        ends: the offset after the fixed fields of each.
    """

    def __init__(self, *, started: bool) -> None:
        self._form = np.dtype([*_START, *_TIME] if started else _TIME)
        self._started, self.size = started, self._form.itemsize
        self.series: list[int] = []
        self.ends: list[int] = []

    def read(self, data: bytes, samples: Samples) -> None:
        """Read all points at once; their tags have been checked."""
        rows = windows(data, self.size)[np.array(self.ends, np.int64) - self.size]
        found = rows.view(self._form).ravel()
        values = found["value"].copy()
        whole = found["value_tag"] == INTEGER_TAG
        if whole.any():
            values[whole] = values.view(np.int64)[whole]
        samples["series"], samples["value"] = self.series, values
        samples["time_ms"] = found["time_ns"] // _NS
        if self._started:
            samples["start_ms"] = found["start_ns"] // _NS

    def times_ms(self, data: bytes, first: int) -> list[int]:
        """Return the first and the last time of the points from a place on."""
        if first >= len(self.ends):
            return []
        times_ns = windows(data, 8)[np.array(self.ends[first:], np.int64) - _TIME_AT].view("<i8")
        return [int(times_ns.min()) // _NS, int(times_ns.max()) // _NS]


def windows(data: bytes, size: int) -> NDArray[np.uint8]:
    """Return the bytes at each offset, shape (offsets, size), without copying."""
    return np.ndarray((len(data) - size + 1, size), np.uint8, buffer=data, strides=(1, 1))
