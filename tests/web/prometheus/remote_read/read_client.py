"""A client of remote read: encodes requests and decodes both types of response.

Written from the protocol's description, one bit at a time: an oracle for the encoders.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import cramjam

from ingest.wire import fields, read_varint, signed, varint

Series = tuple[dict[str, str], list[tuple[int, int]]]
"""Labels, and samples as time and bits of the value."""

SAMPLES, CHUNKS = 0, 1


def delimited(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value % 2**64)


def query(start_ms: int, end_ms: int, *matchers: tuple[int, str, str]) -> bytes:
    """Return a query as a message; a matcher is its type, name and value."""
    encoded = b"".join(
        delimited(3, number(1, kind) + delimited(2, name.encode()) + delimited(3, value.encode()))
        for kind, name, value in matchers
    )
    return number(1, start_ms) + number(2, end_ms) + encoded


def message(queries: Sequence[bytes], accepted: Sequence[int] = ()) -> bytes:
    """Return the request."""
    types = delimited(2, b"".join(map(varint, accepted))) if accepted else b""
    return b"".join(delimited(1, each) for each in queries) + types


def body(queries: Sequence[bytes], accepted: Sequence[int] = ()) -> bytes:
    """Return the request, compressed."""
    return bytes(cramjam.snappy.compress_raw(message(queries, accepted)))


def parsed(data: bytes) -> dict[int, list[Any]]:
    """Return the fields of a message by number: contents or numbers."""
    found: dict[int, list[Any]] = {}
    for field in fields(data, 0, len(data)):
        value = field.start if field.wire_type == 0 else data[field.start : field.stop]
        found.setdefault(field.number, []).append(value)
    return found


def _labels(series: dict[int, list[Any]]) -> dict[str, str]:
    pairs = [parsed(label) for label in series.get(1, [])]
    return {pair[1][0].decode(): pair[2][0].decode() for pair in pairs}


def decoded_samples(compressed: bytes) -> list[list[Series]]:
    """Return the results of a response of type SAMPLES."""
    response = parsed(bytes(cramjam.snappy.decompress_raw(compressed)))
    return [
        [_sampled(parsed(series)) for series in parsed(result).get(1, [])]
        for result in response.get(1, [])
    ]


def _sampled(series: dict[int, list[Any]]) -> Series:
    samples = []
    for each in map(parsed, series.get(2, [])):
        (bits,) = struct.unpack("<Q", each.get(1, [bytes(8)])[0])
        samples.append((signed(each.get(2, [0])[0]), bits))
    return _labels(series), samples


def decoded_frames(data: bytes, results: int = 1) -> list[list[Series]]:
    """Return the results of a stream of chunks; series of several frames are put together."""
    found: list[list[Series]] = [[] for _ in range(results)]
    for frame in frames_of(data):
        content = parsed(frame)
        (series,) = map(parsed, content[1])
        result = found[content.get(2, [0])[0]]
        samples = []
        for chunk in map(parsed, series[2]):
            part = decoded_chunk(chunk[4][0])
            times = signed(chunk.get(1, [0])[0]), signed(chunk.get(2, [0])[0])
            assert (chunk[3], times) == ([1], (part[0][0], part[-1][0]))
            samples += part
        labels = _labels(series)
        if result and result[-1][0] == labels:
            result[-1][1].extend(samples)
        else:
            result.append((labels, samples))
    return found


def frames_of(data: bytes) -> Iterator[bytes]:
    """Yield the message of each frame after checking its checksum."""
    at = 0
    while at < len(data):
        size, at = read_varint(data, at, len(data))
        expected = int.from_bytes(data[at : at + 4], "big")
        frame = data[at + 4 : at + 4 + size]
        assert len(frame) == size
        assert slow_crc32c(frame) == expected
        yield frame
        at += 4 + size


def slow_crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


class _Bits:
    def __init__(self, data: bytes) -> None:
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.at = 0

    def take(self, count: int) -> int:
        assert self.at + count <= len(self.text)
        self.at += count
        return int(self.text[self.at - count : self.at] or "0", 2)


def decoded_chunk(data: bytes) -> list[tuple[int, int]]:
    """Return the times and the bits of the values of an XOR chunk."""
    count = int.from_bytes(data[:2], "big")
    zigzag, at = read_varint(data, 2, len(data))
    time_ms, bits = zigzag >> 1 ^ -(zigzag & 1), int.from_bytes(data[at : at + 8], "big")
    at += 8
    found = [(time_ms, bits)]
    distance = leading = trailing = 0
    if count > 1:
        distance, at = read_varint(data, at, len(data))
    stream = _Bits(data[at:])
    for place in range(1, count):
        if place > 1:
            distance += _change(stream)
        time_ms += distance
        if stream.take(1):
            if stream.take(1):
                leading = stream.take(5)
                trailing = 64 - leading - (stream.take(6) or 64)
            bits ^= stream.take(64 - leading - trailing) << trailing
        found.append((time_ms, bits))
    assert len(stream.text) - stream.at < 8
    return found


def _change(stream: _Bits) -> int:
    for width in (0, 14, 17, 20):
        if not stream.take(1):
            value = stream.take(width)
            return value - (1 << width) if width and value > 1 << width - 1 else value
    return signed(stream.take(64))
