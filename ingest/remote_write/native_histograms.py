"""Native histograms, read as the classic series that they stand for.

The store has no native histograms, so each becomes a count, a sum and cumulative buckets.

Source: Prometheus documentation, "Native Histograms"; prompb/types.proto.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ingest.errors import MalformedMessageError
from ingest.wire import (
    FIXED64,
    LENGTH,
    VARINT,
    Field,
    fields,
    repeated_varints,
    signed,
)
from model.series import STALE
from scraper.exposition.numbers import canonical_bound

_DOUBLE: Final = struct.Struct("<d")
_CUSTOM_SCHEMA: Final = -53
_LEAST_SCHEMA, _MOST_SCHEMA = -4, 8
_MOST_BUCKETS: Final = 2_000
"""Prometheus merges the buckets of a histogram with more than 160 by default."""
_MOST_EXPONENT: Final = 1024


@dataclass(slots=True)
class NativeHistogram:
    """One native histogram as it is sent.

    Attributes:
        spans: offset and length of the runs of buckets, of negative and positive values.
        counts: the count of each bucket in the runs.
        bounds: the upper bounds of the buckets, if the schema is a custom one.
    """

    time_ms: int = 0
    count: float = 0.0
    sum: float = 0.0
    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    spans: dict[bool, list[tuple[int, int]]] = field(default_factory=lambda: {False: [], True: []})
    counts: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})
    bounds: list[float] = field(default_factory=list)

    def samples(self) -> Iterator[tuple[str, str, float]]:
        """Yield suffix, `le` and value of each classic sample.

        Raises:
            MalformedMessageError: its buckets are impossible, or too many.
        """
        count = total = self.count
        stale = math.isnan(self.sum) and _DOUBLE.pack(self.sum) == _DOUBLE.pack(STALE)
        if stale:
            count = total = STALE
        yield "_count", "", count
        yield "_sum", "", self.sum
        cumulative = 0.0
        for bound, in_bucket in [] if stale else self._buckets():
            cumulative += in_bucket
            if bound < math.inf:
                yield "_bucket", canonical_bound(repr(bound)), cumulative
        yield "_bucket", "+Inf", total

    def _buckets(self) -> Iterator[tuple[float, float]]:
        """Yield the upper bound and the count of each bucket, in ascending order."""
        positive = self._indexed(positive=True)
        if self.schema == _CUSTOM_SCHEMA:
            bounds = [*self.bounds, math.inf]
            for index, in_bucket in positive:
                if not 0 <= index < len(bounds):
                    raise MalformedMessageError(f"a histogram has no bucket {index}")
                yield bounds[index], in_bucket
            return
        if not _LEAST_SCHEMA <= self.schema <= _MOST_SCHEMA:
            raise MalformedMessageError(f"a histogram has schema {self.schema}")
        for index, in_bucket in reversed(self._indexed(positive=False)):
            yield -self._bound(index - 1), in_bucket
        if self.zero_threshold or self.zero_count:
            yield self.zero_threshold, self.zero_count
        for index, in_bucket in positive:
            yield self._bound(index), in_bucket

    def _bound(self, index: int) -> float:
        """Return the upper bound of a bucket of positive values."""
        exponent = index * 2.0**-self.schema
        return math.inf if exponent >= _MOST_EXPONENT else 2.0**exponent

    def _indexed(self, *, positive: bool) -> list[tuple[int, float]]:
        counts, index, found = iter(self.counts[positive]), 0, list[tuple[int, float]]()
        for offset, length in self.spans[positive]:
            index += offset
            for _ in range(length):
                in_bucket = next(counts, None)
                if in_bucket is None:
                    raise MalformedMessageError("a histogram has fewer counts than buckets")
                if len(found) >= _MOST_BUCKETS:
                    message = f"a histogram has more than {_MOST_BUCKETS} buckets"
                    raise MalformedMessageError(message)
                found.append((index, in_bucket))
                index += 1
        return found


def read_histogram(data: bytes, at: int, stop: int) -> NativeHistogram:
    """Read a histogram message, the same in remote write 1.0 and 2.0.

    Raises:
        MalformedMessageError: it is no such message.
    """
    histogram = NativeHistogram()
    deltas: dict[bool, list[int]] = {False: [], True: []}
    for part in fields(data, at, stop):
        positive = part.number >= 11
        match part.number:
            case 1 | 6 | 15 | 4:
                part.expect(VARINT)
                _set_integer(histogram, part)
            case 2 | 3 | 5 | 7:
                part.expect(FIXED64)
                _set_double(histogram, part.number, _DOUBLE.unpack_from(data, part.start)[0])
            case 8 | 11:
                part.expect(LENGTH)
                histogram.spans[positive].append(_span(data, part))
            case 9 | 12:
                deltas[positive] += map(_zigzag, repeated_varints(data, part))
            case 10 | 13:
                histogram.counts[positive] += _doubles(data, part)
            case 16:
                histogram.bounds += _doubles(data, part)
    for positive, changes in deltas.items():
        in_bucket = 0
        for change in changes:
            in_bucket += change
            histogram.counts[positive].append(float(in_bucket))
    return histogram


def _set_integer(histogram: NativeHistogram, part: Field) -> None:
    value = part.start
    match part.number:
        case 1:
            histogram.count = float(value)
        case 6:
            histogram.zero_count = float(value)
        case 4:
            histogram.schema = _zigzag(value)
        case _:
            histogram.time_ms = signed(value)


def _set_double(histogram: NativeHistogram, number: int, value: float) -> None:
    match number:
        case 2:
            histogram.count = value
        case 3:
            histogram.sum = value
        case 5:
            histogram.zero_threshold = value
        case _:
            histogram.zero_count = value


def _span(data: bytes, part: Field) -> tuple[int, int]:
    offset = length = 0
    for inner in fields(data, part.start, part.stop):
        inner.expect(VARINT)
        if inner.number == 1:
            offset = _zigzag(inner.start)
        elif inner.number == 2:
            length = inner.start
    return offset, length


def _doubles(data: bytes, part: Field) -> list[float]:
    """Return the doubles of a repeated field, packed or not."""
    if part.wire_type not in (LENGTH, FIXED64) or (part.stop - part.start) % _DOUBLE.size:
        raise MalformedMessageError(f"field {part.number} holds no doubles")
    return [value for (value,) in _DOUBLE.iter_unpack(data[part.start : part.stop])]


def _zigzag(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
