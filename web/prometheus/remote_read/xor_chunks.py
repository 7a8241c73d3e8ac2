"""XOR chunks, Prometheus's encoding of samples, thousands of samples at a time.

A chunk is the number of samples (two bytes), then the first time and value, the second
time's distance, and a stream of bits: the change of the distance between times, and the XOR
of each value with the value before it, without leading and trailing zeros. An encoder may
describe the zeros anew for each value, which takes eleven more bits than to refer to the value
before; this one does, because then no value depends on how others were encoded.

Source: Prometheus, tsdb/docs/format/chunks.md and tsdb/chunkenc/xor.go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.wire import varint
from model.series import Times, Values

CHUNK_SAMPLES: Final = 120
"""As in Prometheus."""

_AT_ONCE: Final = 100 * CHUNK_SAMPLES
"""Bits are unpacked to bytes: some megabytes for this many samples."""

_FIELDS: Final = 4
"""Of a sample: prefix and change of the distance, description and bits of the value."""

_RANGES: Final = ((64, 0b1111, 4), (20, 0b1110, 4), (17, 0b110, 3), (14, 0b10, 2))
"""Bits of a change of distance, its prefix and the prefix's bits; the widest first."""

Bits = NDArray[np.uint64]
Widths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class XorChunk:
    """An encoded chunk with the times of its first and last sample."""

    start_ms: int
    end_ms: int
    data: bytes


def xor_chunks(times_ms: Times, values: Values) -> Iterator[XorChunk]:
    """Yield the chunks of one series."""
    for low in range(0, len(times_ms), _AT_ONCE):
        part = slice(low, low + _AT_ONCE)
        yield from _chunks(times_ms[part], values[part])


def _chunks(times_ms: Times, values: Values) -> Iterator[XorChunk]:
    bits = values.view(np.uint64)
    fields, widths = _bit_fields(times_ms, bits)
    starts = np.arange(0, len(times_ms), CHUNK_SAMPLES)
    # The last field of a chunk's last sample fills its last byte.
    sizes = np.add.reduceat(widths.sum(axis=1), starts)
    ends = np.minimum(starts + CHUNK_SAMPLES, len(times_ms)) - 1
    widths[ends, _FIELDS] = -sizes % 8
    stream = _packed(fields.ravel(), widths.ravel())
    offsets = np.cumsum((sizes + 7) // 8).tolist()
    at = 0
    for start, end, stop in zip(starts.tolist(), ends.tolist(), offsets, strict=True):
        head = _head(times_ms[start : end + 1], int(bits[start]))
        data = head + stream[at:stop]
        yield XorChunk(int(times_ms[start]), int(times_ms[end]), data)
        at = stop


def _head(times_ms: Times, first_bits: int) -> bytes:
    """Return a chunk up to its stream of bits."""
    first_ms = int(times_ms[0])
    zigzag = first_ms << 1 if first_ms >= 0 else (-first_ms << 1) - 1
    head = len(times_ms).to_bytes(2, "big") + varint(zigzag) + first_bits.to_bytes(8, "big")
    if len(times_ms) > 1:
        head += varint(int(times_ms[1]) - first_ms)
    return head


def _bit_fields(times_ms: Times, bits: Bits) -> tuple[Bits, Widths]:
    """Return the fields of all samples and their widths, shape (T, _FIELDS + 1)."""
    count = len(times_ms)
    fields = np.zeros((count, _FIELDS + 1), np.uint64)
    widths = np.zeros((count, _FIELDS + 1), np.int64)
    changes = np.zeros(count, np.int64)
    changes[2:] = np.diff(times_ms, 2)
    widths[:, 0] = 1
    changed = changes != 0
    for width, prefix, prefix_width in _RANGES:
        half = 1 << width - 1
        fits = changed if width == 64 else changed & (changes > -half) & (changes <= half)
        fields[fits, 0], widths[fits, 0], widths[fits, 1] = prefix, prefix_width, width
    fields[:, 1] = changes.view(np.uint64)
    xors = np.zeros(count, np.uint64)
    xors[1:] = bits[1:] ^ bits[:-1]
    widths[:, 2] = 1
    different = np.flatnonzero(xors)
    leading, trailing = _zeros(xors[different])
    significant = 64 - leading - trailing
    description = 0b11 << 11 | leading << 6 | significant & 0b111111
    fields[different, 2], widths[different, 2] = description.astype(np.uint64), 13
    fields[different, 3] = xors[different] >> trailing.astype(np.uint64)
    widths[different, 3] = significant
    # The first sample of a chunk has no fields, the second none for its time.
    widths[::CHUNK_SAMPLES] = 0
    widths[1::CHUNK_SAMPLES, :2] = 0
    return fields, widths


def _zeros(xors: Bits) -> tuple[Widths, Widths]:
    """Return the leading zeros of numbers, at most 31, and the trailing zeros."""
    spread = xors.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        spread |= spread >> np.uint64(shift)
    leading = 64 - np.bitwise_count(spread).astype(np.int64)
    lowest = xors & (~xors + np.uint64(1))
    trailing = np.bitwise_count(lowest - np.uint64(1)).astype(np.int64)
    return np.minimum(leading, 31), trailing


def _packed(fields: Bits, widths: Widths) -> bytes:
    """Return the lowest bits of each field one after another, as many as its width."""
    ends = np.cumsum(widths)
    owners = np.repeat(np.arange(len(fields)), widths)
    shifts = (ends[owners] - 1 - np.arange(len(owners))).astype(np.uint64)
    bits = (fields[owners] >> shifts & np.uint64(1)).astype(np.uint8)
    return np.packbits(bits).tobytes()
