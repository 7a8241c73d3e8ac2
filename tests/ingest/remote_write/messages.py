"""Encodes remote-write messages, independently of the decoder."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from model.labels import Labels


@dataclass(frozen=True)
class Sample:
    time_ms: int
    value: float
    start_ms: int = 0


@dataclass(frozen=True)
class Series:
    labels: tuple[tuple[str, str], ...]
    samples: tuple[Sample, ...] = ()
    exemplars: int = 0
    histograms: int = 0
    metadata: bool = False


def series(name: str, *samples: tuple[int, float], **labels: str) -> Series:
    pairs = Labels.of({"__name__": name} | labels)
    return Series(tuple(pairs), tuple(Sample(*one) for one in samples))


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    digits = []
    while True:
        number, digit = divmod(number, 128)
        digits.append(digit + (128 if number else 0))
        if not number:
            return bytes(digits)


def block(number: int, content: bytes) -> bytes:
    return varint(number * 8 + 2) + varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    return varint(number * 8) + varint(value) if value else b""


def double_field(number: int, value: float) -> bytes:
    packed = struct.pack("<d", value)
    return b"" if packed == bytes(8) else varint(number * 8 + 1) + packed


def sample(one: Sample) -> bytes:
    content = double_field(1, one.value) + number_field(2, one.time_ms)
    return block(2, content + number_field(3, one.start_ms))


HISTOGRAM_MS = 1_790_000_000_000
CLASSIC = (
    ("_count", "", 8.0),
    ("_sum", "", 18.5),
    ("_bucket", "-1.0", 1.0),
    ("_bucket", "0.001", 3.0),
    ("_bucket", "1.0", 4.0),
    ("_bucket", "2.0", 6.0),
    ("_bucket", "8.0", 8.0),
    ("_bucket", "+Inf", 8.0),
)
"""The classic samples of `histogram()`: suffix, `le` and value."""


def zigzag(number: int) -> bytes:
    return varint(number * 2 if number >= 0 else -number * 2 - 1)


def span(offset: int, length: int) -> bytes:
    return b"\x08" + zigzag(offset) + number_field(2, length)


def histogram() -> bytes:
    """Encode a native histogram: one negative bucket, the zero bucket and three positive ones."""
    return b"".join(
        [
            number_field(1, 8),
            double_field(3, 18.5),
            double_field(5, 0.001),
            number_field(6, 2),
            block(8, span(1, 1)),
            block(9, zigzag(1)),
            block(11, span(0, 2)),
            block(11, span(1, 1)),
            block(12, zigzag(1) + zigzag(1) + zigzag(0)),
            number_field(15, HISTOGRAM_MS),
        ]
    )


def classic(one: Series) -> list[tuple[Labels, int, float]]:
    """Return the classic samples of the histograms of a series."""
    pairs = dict(one.labels)
    return [
        (Labels.of(pairs | {"__name__": pairs["__name__"] + suffix, "le": bound}), HISTOGRAM_MS, v)
        for suffix, bound, v in CLASSIC * one.histograms
    ]


def request_1(many: Sequence[Series]) -> bytes:
    """Encode a `prometheus.WriteRequest` with metadata at the end, as Prometheus does."""
    parts = []
    for one in many:
        labels = b"".join(
            block(1, block(1, name.encode()) + block(2, value.encode()))
            for name, value in one.labels
        )
        samples = b"".join(map(sample, one.samples))
        exemplars = block(3, double_field(2, 1.5)) * one.exemplars
        histograms = block(4, histogram()) * one.histograms
        parts.append(block(1, labels + samples + exemplars + histograms))
    metadata = block(3, number_field(1, 2) + block(2, b"family") + block(4, b"Help."))
    return b"".join([*parts, metadata if any(one.metadata for one in many) else b""])


def request_2(many: Sequence[Series]) -> bytes:
    """Encode an `io.prometheus.write.v2.Request`."""
    symbols = {"": 0}
    parts = []
    for one in many:
        texts = [text for pair in one.labels for text in pair]
        refs = b"".join(varint(symbols.setdefault(text, len(symbols))) for text in texts)
        samples = b"".join(map(sample, one.samples))
        histograms = block(3, histogram()) * one.histograms
        exemplars = block(4, double_field(2, 1.5)) * one.exemplars
        described = number_field(1, 2) + number_field(3, symbols.setdefault("Help.", len(symbols)))
        metadata = block(5, described) if one.metadata else b""
        parts.append(block(5, block(1, refs) + samples + histograms + exemplars + metadata))
    return b"".join([*(block(4, symbol.encode()) for symbol in symbols), *parts])
