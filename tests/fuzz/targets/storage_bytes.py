"""Fuzz targets: what the store reads back from its files.

Each row has a checksum. A fuzzer would never guess it, so the targets compute it: what they
test is a file that was written wrongly, or on purpose.
"""

import struct
import zlib

import numpy as np

from storage.api.errors import CorruptDataError
from storage.samples.catalog.label_encoding import decode_series, encode_series, unpack_series
from storage.samples.journal.format import decode_records
from storage.samples.windows.codec import decode_piece, decode_times, encode_piece, encode_times
from storage.samples.windows.runs import unpack_sizes
from tests.fuzz.targets.target import FuzzTarget

_SHAPE = struct.Struct("<BBB")
_MOST_INFLATED = 1 << 20


def _checked(body: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(body)) + body


def _journal(data: bytes) -> None:
    """Decode the records of a row, raw ones compressed first."""
    for body in (zlib.compress(data, 1), data):
        if len(body) > len(data) or len(_inflated(body)) <= _MOST_INFLATED:
            try:
                for record in decode_records(_checked(body)):
                    len(record.values)
            except CorruptDataError:
                pass


def _inflated(body: bytes) -> bytes:
    """Return at most a byte more than the row of one commit is expected to have."""
    try:
        return zlib.decompressobj().decompress(body, _MOST_INFLATED + 1)
    except zlib.error:
        return b""


def _chunks(data: bytes) -> None:
    """Decode a piece and times of a chosen shape; encode values and get them back."""
    if len(data) < _SHAPE.size:
        return
    kind, series, times = _SHAPE.unpack_from(data)
    body = data[_SHAPE.size :]
    series, times = series % 16 + 1, times % 32 + 1
    try:
        if kind & 1:
            decode_piece(_checked(body), series, times)
        else:
            decode_times(body, 0, times)
            decode_times(b"\x01" + _checked(body), 0, times)
    except CorruptDataError:
        pass
    if len(body) >= 8 * times:
        count = len(body) // (8 * times)
        bits = np.frombuffer(body, np.uint64, count * times).reshape(count, times)
        values = bits.view(np.float64)
        for small in (False, True):
            again = decode_piece(encode_piece(values, small=small), count, times)
            if (again.view(np.uint64) != bits).any():
                raise AssertionError("a value changed")
        ascending = np.cumsum(bits[0] % 1_000_000, dtype=np.int64)
        if (decode_times(encode_times(ascending), int(ascending[0]), times) != ascending).any():
            raise AssertionError("a time changed")


def _catalog(data: bytes) -> None:
    """Decode the label sets and sizes of the catalog."""
    for read in (decode_series, lambda body: decode_series(unpack_series(zlib.compress(body, 1)))):
        try:
            found = read(data)
        except CorruptDataError:
            continue
        if not all(type(text) is str for labels in found for pair in labels for text in pair):
            raise AssertionError(f"label sets are read as {found}")
        encode_series(found)
    unpack_sizes(data)


TARGETS = (
    FuzzTarget("journal", _journal),
    FuzzTarget("chunks", _chunks),
    FuzzTarget("catalog", _catalog, ('[["', '","', '"]]', "__name__")),
)
