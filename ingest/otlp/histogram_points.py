"""Histogram points of the fixed forms that SDKs and Collectors write.

A point with its times, count and sum in fixed fields, packed counts and bounds, and its
attributes before or after them, is found in the message here; all are read together later.
The bytes of bounds and attributes name the series of all buckets at once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.otlp.distributions import attribute_bytes
from ingest.otlp.number_points import windows
from ingest.series.sample_batch import Samples
from ingest.wire import fields

ATTRIBUTES_TAG: Final = 0x4A
_START, _TIME, _COUNT, _SUM, _COUNTS, _BOUNDS = 0x11, 0x19, 0x21, 0x29, 0x32, 0x3A
_MIN, _MAX = 0x59, 0x61
_EXTREMES: Final = 18
"""The bytes of the smallest and the largest value, which end a point."""
_FIXED: Final = 36
_NS: Final = 1_000_000
_EXACT: Final = 2**53
"""Up to here, sums of counts are exact as numbers of eight bytes."""


class FixedHistograms:
    """Histogram points of the fixed forms.

    Attributes:
        series: the numbers of the series of each: sum, count, buckets in order of their bounds.
        begins: the offset of the start time of each point, by the number of its buckets.
    """

    def __init__(self) -> None:
        self.series: dict[int, list[int]] = {}
        self.begins: dict[int, list[int]] = {}

    def __len__(self) -> int:
        """Return the number of samples."""
        return sum(map(len, self.series.values()))

    def add(self, begin: int, series: list[int]) -> None:
        """Add a point whose series are known."""
        buckets = len(series) - 2
        if buckets not in self.begins:
            self.begins[buckets], self.series[buckets] = [], []
        self.begins[buckets].append(begin)
        self.series[buckets] += series

    def mark(self) -> dict[int, int]:
        """Return how many points there are now, for `times_ms`."""
        return {buckets: len(begins) for buckets, begins in self.begins.items()}

    def read(self, data: bytes, samples: Samples) -> None:
        """Read all points at once."""
        at = 0
        for buckets, begins in self.begins.items():
            numbers = self.series[buckets]
            found = _rows(data, buckets, begins)
            some = samples[at : at + len(numbers)]
            some["series"] = numbers
            some["value"] = _values(found).ravel()
            for name in ("time", "start"):
                some[f"{name}_ms"] = np.repeat(found[f"{name}_ns"] // _NS, buckets + 2)
            at += len(numbers)

    def times_ms(self, data: bytes, mark: dict[int, int]) -> list[int]:
        """Return the first and the last time of the points since a mark."""
        times: list[int] = []
        for buckets, begins in self.begins.items():
            if some := begins[mark.get(buckets, 0) :]:
                found = _rows(data, buckets, some)["time_ns"]
                times += [int(found.min()) // _NS, int(found.max()) // _NS]
        return times


def fixed_form(data: bytes, at: int, stop: int) -> tuple[int, bytes] | None:
    """Return where the start time of a point is, and the bytes that name its series.

    None for a point of another form. The bytes are those of bounds and attributes only if they
    equal `group_name`; a group is kept under no others.
    """
    begin = at
    while begin + 1 < stop and data[begin] == ATTRIBUTES_TAG:
        if data[begin + 1] > 0x7F:
            return None
        begin += 2 + data[begin + 1]
    size = stop - begin
    if (
        size <= _FIXED + 2
        or data[begin] != _START
        or data[begin + 9] != _TIME
        or data[begin + 18] != _COUNT
        or data[begin + 27] != _SUM
        or data[begin + 36] != _COUNTS
    ):
        return None
    counts, bounds = data[begin + 37], begin + 38
    if counts > 0x7F:
        # Sixteen buckets and more: their length has two bytes.
        if size <= _FIXED + 3 or data[bounds] > 0x7F:
            return None
        counts, bounds = counts + (data[bounds] - 1 << 7), bounds + 1
    bounds += counts
    if bounds + 1 >= stop or data[bounds] != _BOUNDS:
        return None
    length, end = data[bounds + 1], bounds + 2
    if length > 0x7F:
        if end >= stop or data[end] > 0x7F:
            return None
        length, end = length + (data[end] - 1 << 7), end + 1
    end += length
    if counts != length + 8 or counts % 8 or end > stop:
        return None
    tail = stop
    extremes = stop - _EXTREMES
    if extremes >= end and data[extremes] == _MIN and data[extremes + 9] == _MAX:
        tail = extremes
    if begin > at:
        return (begin, data[bounds:end] + data[at:begin]) if tail == end else None
    return begin, data[bounds:tail]


def group_name(data: bytes, at: int, stop: int) -> bytes:
    """Return the bytes that name the series of a point of a fixed form, read field by field."""
    bounds, attributes = b"", b""
    for part in fields(data, at, stop):
        if part.number == 7:
            bounds = attribute_bytes(data, part, _BOUNDS)
        elif part.number == 9:
            attributes += attribute_bytes(data, part, ATTRIBUTES_TAG)
    return bounds + attributes


def _rows(data: bytes, buckets: int, begins: list[int]) -> NDArray[np.void]:
    """Return points with the same number of buckets as rows; their tags have been checked."""
    form = np.dtype(
        [
            ("start_tag", "u1"),
            ("start_ns", "<i8"),
            ("time_tag", "u1"),
            ("time_ns", "<i8"),
            ("count_tag", "u1"),
            ("count", "<u8"),
            ("sum_tag", "u1"),
            ("sum", "<f8"),
            ("counts_tag", "u1"),
            ("length", "u1", (1 if 8 * buckets < 0x80 else 2,)),
            ("counts", "<u8", (buckets,)),
        ]
    )
    rows = windows(data, form.itemsize)[np.array(begins, np.int64)]
    return rows.view(form).ravel()


def _values(found: NDArray[np.void]) -> NDArray[np.float64]:
    """Return sum, count and the running totals of the counts, shape (points, buckets + 2)."""
    counts = found["counts"]
    values = np.empty((len(counts), counts.shape[1] + 2))
    values[:, 0], values[:, 1] = found["sum"], found["count"]
    most = int(counts.max(initial=0))
    exact = counts if most < _EXACT // max(counts.shape[1], 1) else counts.astype(object)
    values[:, 2:] = exact.cumsum(axis=1)
    # The last bucket has no bound: what it counts is the count of the point.
    values[:, -1] = found["count"]
    return values
