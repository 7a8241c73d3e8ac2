"""Query results as Prometheus's JSON, a row of numbers at a time.

Numbers are strings, in the shortest notation that reads back to the same double, as
Go writes them. orjson writes that notation for a whole row in one call; what it does
not know (NaN, infinities, exponents) is put right afterwards, and is rare.

Source of the notation: Prometheus, util/jsonutil/marshal.go.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from model.labels import Labels
from model.series import ABSENT_BITS, NO_TIME, STALE_BITS, AlignedSeries
from promql.api import InstantVector, Scalar, String
from web.answers import json_bytes

_LARGEST_PLAIN: Final = 1e16
_SMALLEST_PLAIN: Final = 1e-5
"""Outside of these orjson writes an exponent, which Go does only outside of 1e-6..1e21."""


def format_value(value: float) -> str:
    """Return a sample's value as Prometheus writes it."""
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
    """Return a timestamp in seconds, with three decimals where it has any."""
    whole, rest = divmod(abs(time_ms), 1000)
    sign = "-" if time_ms < 0 else ""
    return f"{sign}{whole}.{rest:03}" if rest else f"{sign}{whole}"


def format_row(values: NDArray[np.float64]) -> list[bytes]:
    """Return each value as Prometheus writes it; shape (N,), contiguous."""
    if not len(values):
        return []
    text = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
    texts = text[1:-1].replace(b".0,", b",").removesuffix(b".0").split(b",")
    size = np.abs(values)
    # Negated, so that NaN, which compares as false, is among the odd ones.
    plain = (size < _LARGEST_PLAIN) & ((size >= _SMALLEST_PLAIN) | (size == 0))
    for index in np.flatnonzero(~plain).tolist():
        texts[index] = format_value(float(values[index])).encode()
    return texts


def encode_matrix(matrix: AlignedSeries) -> bytes:
    """Return `{"resultType":"matrix","result":[…]}`, series without samples left out."""
    return b'{"resultType":"matrix","result":[' + b",".join(encode_rows(matrix)) + b"]}"


def encode_rows(matrix: AlignedSeries) -> Iterator[bytes]:
    """Yield `{"metric":{…},"values":[…]}` of each series that has samples."""
    prefixes = _TimePrefixes(matrix)
    for index, labels in enumerate(matrix.labels):
        samples = _encode_samples(matrix, index, prefixes)
        if samples is not None:
            yield b'{"metric":' + encode_labels(labels) + b',"values":[' + samples + b"]}"


class _TimePrefixes:
    """For each row of times, what stands before each value: `"],[1700000000,"`.

    Series of one source share their times, so each is written once.
    """

    def __init__(self, matrix: AlignedSeries) -> None:
        self._times = matrix.times_ms
        self._rows: dict[int, list[bytes]] = {}

    def of(self, row: int) -> list[bytes]:
        if row not in self._rows:
            times = self._times[row]
            self._rows[row] = [
                b'"],[%s,"' % format_time(time_ms).encode()
                for time_ms in times[times != NO_TIME].tolist()
            ]
        return self._rows[row]


def _encode_samples(matrix: AlignedSeries, index: int, prefixes: _TimePrefixes) -> bytes | None:
    values = matrix.values[index]
    bits = values.view(np.uint64)
    present = (bits != ABSENT_BITS) & (bits != STALE_BITS)
    stamps = prefixes.of(int(matrix.rows[index]))
    if len(stamps) < len(values):
        present[len(stamps) :] = False
    if not present.all():
        columns = np.flatnonzero(present)
        values = values[columns]
        stamps = [stamps[column] for column in columns.tolist()]
    if not len(values):
        return None
    pieces: list[bytes] = [b""] * (2 * len(values))
    pieces[0::2] = stamps
    pieces[1::2] = format_row(np.ascontiguousarray(values))
    # The first prefix closes a sample that was never opened: `"],[` is cut to `[`.
    return b"".join(pieces)[3:] + b'"]'


def encode_vector(vector: InstantVector) -> bytes:
    """Return `{"resultType":"vector","result":[…]}`."""
    stamp = format_time(vector.time_ms).encode()
    results = [
        b'{"metric":%s,"value":[%s,"%s"]}' % (encode_labels(labels), stamp, value)
        for labels, value in zip(
            vector.labels, format_row(np.ascontiguousarray(vector.values)), strict=True
        )
    ]
    return b'{"resultType":"vector","result":[' + b",".join(results) + b"]}"


def encode_value(value: Scalar | String | InstantVector | AlignedSeries) -> bytes:
    """Return a query's result as the `data` of Prometheus's envelope."""
    match value:
        case AlignedSeries():
            return encode_matrix(value)
        case InstantVector():
            return encode_vector(value)
        case Scalar():
            stamp, text = format_time(value.time_ms), format_value(value.value)
            return f'{{"resultType":"scalar","result":[{stamp},"{text}"]}}'.encode()
        case String():
            stamp = format_time(value.time_ms)
            return b'{"resultType":"string","result":[%s,%s]}' % (
                stamp.encode(),
                json_bytes(value.value),
            )


def encode_labels(labels: Labels) -> bytes:
    """Return a label set as a JSON object, names in order."""
    return orjson.dumps(dict(labels))
