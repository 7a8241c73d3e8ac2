"""Formats samples as JSON, `[1700000000,"1.5"],[…`, thousands at a time.

orjson formats all numbers in one call. Each number's text is then copied with its time into a
record of fixed width, by operations on whole arrays: no Python object is created for a single
number. White space, which JSON allows, fills the rest of a record.

Values are strings in the shortest notation that parses back to the same double, as Go
formats them. Values that orjson formats differently (NaN, infinities, exponents) are rare and
formatted one by one.

Source of the notation: Prometheus, util/jsonutil/marshal.go.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from model.series import ABSENT_BITS, NO_TIME, STALE_BITS, AlignedSeries

_LARGEST_PLAIN: Final = 1e16
_SMALLEST_PLAIN: Final = 1e-5
"""Outside of this range orjson uses an exponent; Go does only outside of 1e-6..1e21."""

_BLOCK_CELLS: Final = 1 << 13
"""Numbers formatted at once; their records fit into a core's cache."""

_COMMA, _QUOTE, _SPACE = b'," '
_WORD: Final = 8
_LONGEST: Final = 32
"""Bytes of a number with the quote after it; a double has at most 26."""


def _masks(words: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return two masks for each length of a text: its own bytes, and the bytes after it."""
    kept = np.zeros((_LONGEST, words * _WORD), dtype=np.uint8)
    added = np.full((_LONGEST, words * _WORD), _SPACE, dtype=np.uint8)
    for length in range(words * _WORD):
        kept[length, :length] = 0xFF
        added[length, :length] = 0
        added[length, length] = _QUOTE
    return kept.view(np.uint64), added.view(np.uint64)


_MASKS: Final = {words: _masks(words) for words in range(1, _LONGEST // _WORD + 1)}


def format_value(value: float) -> str:
    """Return a sample's value in Prometheus's notation."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    size = abs(value)
    if size and not 1e-6 <= size < 1e21:
        return repr(value)
    text = repr(value)
    if "e" in text:
        # numpy's positional notation keeps the shortest digits.
        text = np.format_float_positional(value, trim="-")
    return text.removesuffix(".0")


def format_time(time_ms: int) -> str:
    """Return a timestamp in seconds, with three decimals unless it is a whole second."""
    whole, rest = divmod(abs(time_ms), 1000)
    sign = "-" if time_ms < 0 else ""
    return f"{sign}{whole}.{rest:03}" if rest else f"{sign}{whole}"


def format_values(values: NDArray[np.float64]) -> list[bytes]:
    """Return each value in Prometheus's notation; `values` has shape (N,)."""
    texts = _texts(np.ascontiguousarray(values))
    padded: list[bytes] = texts.copy().view(f"S{texts.itemsize}").tolist()
    return [text.rstrip(b' "') for text in padded]


def sample_rows(matrix: AlignedSeries) -> Iterator[memoryview]:
    """Yield `[1700000000,"1.5"],[…` for each series, empty for one without samples."""
    stamps = _Stamps(matrix.times_ms)
    size = max(1, _BLOCK_CELLS // max(1, matrix.values.shape[1]))
    for start in range(0, len(matrix.labels), size):
        values = np.ascontiguousarray(matrix.values[start : start + size])
        times = stamps.of(matrix.rows[start : start + size])
        if not np.isnan(values).any():
            counts = [values.shape[1]] * len(values)
            records = _records(times, _texts(values.reshape(-1)).reshape(values.shape))
        else:
            bits = values.view(np.uint64)
            # Padding is ABSENT too.
            there = (bits != ABSENT_BITS) & (bits != STALE_BITS)
            counts = there.sum(axis=1).tolist()
            times = np.broadcast_to(times, values.shape)
            records = _records(times[there], _texts(values[there]))
        written = records.view(np.uint8).data
        end = 0
        for count in counts:
            begin, end = end, end + count * records.itemsize
            # Without the comma after the last record.
            yield written[begin : max(begin, end - 1)]


class _Stamps:
    """The text before each value, `[1700000000,"`, by row of times."""

    def __init__(self, times_ms: NDArray[np.int64]) -> None:
        self._times_ms = times_ms
        self._rows: dict[int, list[bytes]] = {}
        self._shared: NDArray[np.bytes_] | None = None
        if len(times_ms) == 1:
            # The panels of a dashboard query the same times.
            known = times_ms.size <= _MOST_REMEMBERED
            self._shared = _written(times_ms.tobytes()) if known else self._together([0])

    def of(self, rows: NDArray[np.intp]) -> NDArray[np.bytes_]:
        """Return the texts of some rows, padded: (len(rows), T), or (1, T) if all share one."""
        return self._together(rows.tolist()) if self._shared is None else self._shared

    def _together(self, rows: list[int]) -> NDArray[np.bytes_]:
        return _aligned([self._row(row) for row in rows])

    def _row(self, row: int) -> list[bytes]:
        if row not in self._rows:
            self._rows[row] = _openings(self._times_ms[row])
        return self._rows[row]


_MOST_REMEMBERED: Final = 2000
"""Longer rows of times are not cached."""


@lru_cache(32)
def _written(times_ms: bytes) -> NDArray[np.bytes_]:
    """Return the texts of one row of times, given as bytes for the cache: shape (1, T)."""
    return _aligned([_openings(np.frombuffer(times_ms, np.int64))])


def _aligned(texts: list[list[bytes]]) -> NDArray[np.bytes_]:
    """Return the texts padded to equal length, with white space in front."""
    width = max((len(text) for row in texts for text in row), default=1)
    return np.array([[text.rjust(width) for text in row] for row in texts], f"S{width}")


def _openings(padded_ms: NDArray[np.int64]) -> list[bytes]:
    """Return `[1700000000,"` for each of N ascending times, empty for padding."""
    times_ms = padded_ms[padded_ms != NO_TIME]
    padding = [b""] * (len(padded_ms) - len(times_ms))
    seconds, rest = np.divmod(times_ms, 1000)
    if not len(times_ms) or times_ms[0] < 0 or (rest != rest[0]).any():
        texts = [b'[%b,"' % format_time(time_ms).encode() for time_ms in times_ms.tolist()]
        return texts + padding
    # All times have the same milliseconds, so the text after the seconds is the same.
    end = b'.%03d,"' % int(rest[0]) if rest[0] else b',"'
    texts = orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
    return [b"[%b%b" % (text, end) for text in texts] + padding


def _records(times: NDArray[np.bytes_], texts: NDArray[np.void]) -> NDArray[np.void]:
    """Return `[1700000000,"1.5"   ],` for each sample, as a flat array."""
    records = np.empty(texts.shape, dtype=_record(times.itemsize, texts.itemsize))
    records["time"] = times
    records["value"] = texts
    records["end"] = b"],"
    return records.reshape(-1)


@lru_cache
def _record(time_bytes: int, value_bytes: int) -> np.dtype[np.void]:
    return np.dtype([("time", f"S{time_bytes}"), ("value", f"V{value_bytes}"), ("end", "S2")])


def _texts(values: NDArray[np.float64]) -> NDArray[np.void]:
    """Return `1.5"   ` for each value, padded to equal length; `values` is contiguous."""
    if not len(values):
        return np.empty(0, dtype="V1")
    size = np.abs(values)
    # Negated, so that NaN, which compares as False, counts as odd.
    odd = ~((size < _LARGEST_PLAIN) & ((size >= _SMALLEST_PLAIN) | (size == 0)))
    others = {at: format_value(float(values[at])) for at in odd.nonzero()[0].tolist()}
    written = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    begins = np.empty(len(values) + 1, dtype=np.intp)
    begins[0], begins[-1] = 0, len(written) - 1
    begins[1:-1] = (np.frombuffer(written, dtype=np.uint8) == _COMMA).nonzero()[0]
    lengths = begins[1:] - begins[:-1] - 1
    # Drop the `.0` of whole numbers.
    lengths[(np.floor(values) == values) & ~odd] -= 2
    longest = 1 + max([int(lengths.max()), *map(len, others.values())])
    words = -(-longest // _WORD)
    # Overlapping pieces, one beginning at each byte.
    pieces = np.ndarray((len(written),), f"V{words * _WORD}", written + bytes(_LONGEST), strides=1)
    found = pieces[begins[:-1] + 1].view(np.uint64).reshape(len(values), words)
    kept, added = _MASKS[words]
    found &= kept.take(lengths, axis=0)
    found |= added.take(lengths, axis=0)
    texts = found.view(np.uint8)
    for at, other in others.items():
        text = f'{other}"'.encode().ljust(words * _WORD)
        texts[at] = np.frombuffer(text, dtype=np.uint8)
    return np.ndarray((len(values),), f"V{longest}", texts, strides=texts.strides[:1])
