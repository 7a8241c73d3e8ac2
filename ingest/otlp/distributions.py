"""Points of histograms and summaries, as the classic series that they stand for.

Source: opentelemetry-proto, metrics/v1/metrics.proto; Prometheus, OTLP receiver.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ingest.errors import MalformedMessageError
from ingest.otlp.series_identities import BUCKET, COUNT, QUANTILE, SUM
from ingest.wire import FIXED64, LENGTH, VARINT, Field, fields, repeated_varints, varint

_LITTLE_DOUBLE: Final = struct.Struct("<d")
_UNSIGNED: Final = struct.Struct("<Q")
_SIGNED: Final = struct.Struct("<q")
_INFINITY: Final = BUCKET + _LITTLE_DOUBLE.pack(math.inf)
_NO_RECORDED_VALUE: Final = 1

# Exponential buckets are merged to this scale, four for each doubling: SDKs change the
# scale of a histogram as its values spread, and each scale has bounds of its own.
_MOST_SCALE: Final = 2
_LEAST_SCALE: Final = -10
_MOST_BUCKETS: Final = 2_000
_MOST_EXPONENT: Final = 1024


@dataclass(slots=True)
class Distribution:
    """One point of a histogram, an exponential histogram or a summary.

    Attributes:
        attributes: the bytes of its attributes.
        stale: whether the point says that there is no value.
        sum: None if it has none.
        exemplars: how many it has.
    """

    attributes: bytes = b""
    start_ns: int = 0
    time_ns: int = 0
    count: int = 0
    sum: float | None = None
    stale: bool = False
    exemplars: int = 0
    counts: list[int] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    quantiles: list[tuple[float, float]] = field(default_factory=list)
    scale: int = 0
    zero_count: int = 0
    zero_threshold: float = 0.0
    positive: tuple[int, list[int]] = (0, [])
    negative: tuple[int, list[int]] = (0, [])

    def explicit(self) -> Iterator[tuple[bytes, float]]:
        """Yield the part and the value of each series of a histogram."""
        if self.sum is not None:
            yield SUM, self.sum
        yield COUNT, float(self.count)
        total = 0
        for bound, count in zip(self.bounds, self.counts, strict=False):
            total += count
            yield BUCKET + _LITTLE_DOUBLE.pack(bound), float(total)
        yield _INFINITY, float(self.count)

    def summary(self) -> Iterator[tuple[bytes, float]]:
        """Yield the part and the value of each series of a summary."""
        yield SUM, self.sum or 0.0
        yield COUNT, float(self.count)
        for quantile, value in self.quantiles:
            yield QUANTILE + _LITTLE_DOUBLE.pack(quantile), value

    def exponential(self) -> Iterator[tuple[bytes, float]]:
        """Yield the part and the value of each classic series of an exponential histogram.

        Raises:
            MalformedMessageError: it has too many buckets.
        """
        if self.sum is not None:
            yield SUM, self.sum
        yield COUNT, float(self.count)
        scale = max(self.scale, _LEAST_SCALE)
        shift = max(0, scale - _MOST_SCALE)
        total = 0
        # A bucket of values above base^index ends at base^(index + 1).
        for index, count in reversed(_merged(*self.negative, shift)):
            total += count
            yield BUCKET + _LITTLE_DOUBLE.pack(-_power(index, scale - shift)), float(total)
        total += self.zero_count
        yield BUCKET + _LITTLE_DOUBLE.pack(self.zero_threshold), float(total)
        for index, count in _merged(*self.positive, shift):
            total += count
            bound = _power(index + 1, scale - shift)
            if bound < math.inf:
                yield BUCKET + _LITTLE_DOUBLE.pack(bound), float(total)
        yield _INFINITY, float(self.count)


def _merged(offset: int, counts: list[int], shift: int) -> list[tuple[int, int]]:
    """Return the buckets of a scale that is lower by `shift`."""
    if len(counts) > _MOST_BUCKETS:
        raise MalformedMessageError(f"an exponential histogram has over {_MOST_BUCKETS} buckets")
    merged: dict[int, int] = {}
    for place, count in enumerate(counts):
        index = (offset + place) >> shift
        merged[index] = merged.get(index, 0) + count
    return list(merged.items())


def _power(index: int, scale: int) -> float:
    """Return the bound before a bucket: 2^(2^-scale) to the power of its index."""
    exponent = index * 2.0**-scale
    return math.inf if exponent >= _MOST_EXPONENT else 2.0**exponent


def attribute_bytes(data: bytes, place: Field, tag: int = 0x0A) -> bytes:
    """Return an attribute with a tag and its length in the shortest encoding."""
    place.expect(LENGTH)
    content = data[place.start : place.stop]
    return bytes([tag]) + varint(len(content)) + content


@dataclass(frozen=True, slots=True)
class PointForm:
    """The numbers of the fields that kinds of points do not share."""

    attributes: int
    flags: int
    exemplars: int
    counts: int = 0
    bounds: int = 0
    quantiles: int = 0
    is_exponential: bool = False


EXPLICIT: Final = PointForm(9, 10, 8, counts=6, bounds=7)
EXPONENTIAL: Final = PointForm(1, 10, 11, is_exponential=True)
SUMMARY: Final = PointForm(7, 8, 0, quantiles=6)


def read_distribution(data: bytes, at: int, stop: int, form: PointForm) -> Distribution:
    """Return a point of a histogram or a summary.

    Raises:
        MalformedMessageError: it is no such message.
    """
    point, attributes = Distribution(), []
    for part in fields(data, at, stop):
        number = part.number
        if number == form.attributes:
            attributes.append(attribute_bytes(data, part))
        elif number in (2, 3, 4, 5):
            part.expect(FIXED64)
            _set_common(point, number, data, part.start)
        elif number == form.counts:
            point.counts += _unsigned(data, part)
        elif number == form.bounds:
            point.bounds += _doubles(data, part)
        elif number == form.quantiles:
            point.quantiles.append(_quantile(data, part))
        elif number == form.exemplars:
            point.exemplars += 1
        elif number == form.flags:
            part.expect(VARINT)
            point.stale = bool(part.start & _NO_RECORDED_VALUE)
        elif form.is_exponential:
            _set_exponential(point, data, part)
    point.attributes = b"".join(attributes)
    return point


def _set_common(point: Distribution, number: int, data: bytes, at: int) -> None:
    match number:
        case 2:
            (point.start_ns,) = _SIGNED.unpack_from(data, at)
        case 3:
            (point.time_ns,) = _SIGNED.unpack_from(data, at)
        case 4:
            (point.count,) = _UNSIGNED.unpack_from(data, at)
        case _:
            (point.sum,) = _LITTLE_DOUBLE.unpack_from(data, at)


def _set_exponential(point: Distribution, data: bytes, part: Field) -> None:
    match part.number:
        case 6:
            part.expect(VARINT)
            point.scale = _zigzag(part.start)
        case 7:
            part.expect(FIXED64)
            (point.zero_count,) = _UNSIGNED.unpack_from(data, part.start)
        case 8:
            point.positive = _buckets(data, part)
        case 9:
            point.negative = _buckets(data, part)
        case 14:
            part.expect(FIXED64)
            (point.zero_threshold,) = _LITTLE_DOUBLE.unpack_from(data, part.start)


def _buckets(data: bytes, place: Field) -> tuple[int, list[int]]:
    place.expect(LENGTH)
    offset, counts = 0, list[int]()
    for part in fields(data, place.start, place.stop):
        if part.number == 1:
            part.expect(VARINT)
            offset = _zigzag(part.start)
        elif part.number == 2:
            counts += repeated_varints(data, part)
    return offset, counts


def _quantile(data: bytes, place: Field) -> tuple[float, float]:
    place.expect(LENGTH)
    found = {1: 0.0, 2: 0.0}
    for part in fields(data, place.start, place.stop):
        if part.number in found:
            part.expect(FIXED64)
            (found[part.number],) = _LITTLE_DOUBLE.unpack_from(data, part.start)
    return found[1], found[2]


def _zigzag(value: int) -> int:
    """Return a sint32; more bits are cut off, as protobuf libraries do."""
    value &= 0xFFFF_FFFF
    return (value >> 1) ^ -(value & 1)


def _unsigned(data: bytes, part: Field) -> list[int]:
    return [value for (value,) in _UNSIGNED.iter_unpack(_eights(data, part))]


def _doubles(data: bytes, part: Field) -> list[float]:
    return [value for (value,) in _LITTLE_DOUBLE.iter_unpack(_eights(data, part))]


def _eights(data: bytes, part: Field) -> bytes:
    """Return the bytes of a repeated field of eight bytes each, packed or not."""
    if part.wire_type not in (LENGTH, FIXED64) or (part.stop - part.start) % 8:
        raise MalformedMessageError(f"field {part.number} holds no numbers of eight bytes")
    return data[part.start : part.stop]
