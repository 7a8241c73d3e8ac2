"""Samples as a remote-write 1.0 request.

Source: Prometheus Remote-Write 1.0 specification; Snappy's format_description.txt. Not
protobuf's and snappy's packages: a request of a few samples has two kinds of fields.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

HEADERS: Final = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_LITERAL_BYTES: Final = 65536
# The tag of a literal whose length follows in two bytes.
_LONG_LITERAL: Final = 61 << 2


class TimedSample(NamedTuple):
    """One sample; the labels have the metric's name as `__name__`."""

    labels: Mapping[str, str]
    value: float
    time_ms: int


def write_request(samples: Iterable[TimedSample]) -> bytes:
    """Return a request's body, compressed."""
    return _snappy(b"".join(_field(1, _series(sample)) for sample in samples))


def _series(sample: TimedSample) -> bytes:
    labels = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(sample.labels.items())
    )
    number = b"\x09" + struct.pack("<d", sample.value) + b"\x10" + _varint(sample.time_ms)
    return labels + _field(2, number)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _snappy(content: bytes) -> bytes:
    """Return Snappy's block format with literals only: a few samples need no compression."""
    parts = [_varint(len(content))]
    for start in range(0, len(content), _LITERAL_BYTES):
        literal = content[start : start + _LITERAL_BYTES]
        parts += [struct.pack("<BH", _LONG_LITERAL, len(literal) - 1), literal]
    return b"".join(parts)
