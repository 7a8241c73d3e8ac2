"""Remote-write requests, decoded: samples as arrays, series as numbers known from before.

A sender repeats the same label bytes in every request. So labels are not read but
looked up, whole, and of a series that is known only its samples are decoded: those in
the form that every sender writes, all at once in numpy, anything else field by field.

Sources: Prometheus Remote-Write 1.0 and 2.0 specifications; prompb/types.proto and
prompb/io/prometheus/write/v2/types.proto.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scraper.push.errors import MalformedMessageError, TooMuchError
from scraper.push.wire import (
    FIXED64,
    LENGTH,
    VARINT,
    Field,
    fields,
    read_varint,
    signed,
)

SeriesKey = bytes | tuple[str, ...]
"""How a request names a series: the bytes of its labels in 1.0, names and values in 2.0."""

FindSeries = Callable[[SeriesKey], int | None]
"""Returns the number of a known series."""

# WriteRequest 1.0; the first field of TimeSeries, its labels, has the same tag.
_TIMESERIES_TAG: Final = 0x0A
_LABEL_TAG: Final = 0x0A
# Request 2.0.
_SYMBOL_TAG: Final = 0x22
_TIMESERIES_2_TAG: Final = 0x2A
_METADATA_TAG: Final = 0x2A

# A sample as senders write it: tag 2, length 16, value (tag 1, eight bytes), time (tag
# 2, six bytes, as every time between 1971 and 2109 takes).
_SAMPLE = np.dtype(
    [
        ("head", "u1", (3,)),
        ("value", "<f8"),
        ("time_tag", "u1"),
        ("time", "u1", (6,)),
    ]
)
_SAMPLE_BYTES: Final = 18
_SAMPLE_HEAD = np.array([0x12, 0x10, 0x09], np.uint8)
# The same with value 0, which proto3 does not write.
_ZERO_SAMPLE = np.dtype([("head", "u1", (2,)), ("time_tag", "u1"), ("time", "u1", (6,))])
_ZERO_BYTES: Final = 9
_ZERO_HEAD = np.array([0x12, 0x07], np.uint8)
_TIME_TAG: Final = 0x10

_TIME_WEIGHTS = np.array([1 << 7 * place for place in range(6)], np.int64)
# The five continuation bits that the weighted sum counts in.
_TIME_EXCESS = sum(0x80 << 7 * place for place in range(5))

_MOST_REF_BYTES: Final = 5
_DOUBLE = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may hold."""

    series: int = 50_000
    samples: int = 200_000
    labels: int = 128
    label_bytes: int = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class WriteRequest:
    """A decoded request: N samples.

    Attributes:
        series: shape (N,), each sample's series: its number, or -1 - k for `unknown[k]`.
        times_ms: shape (N,), Unix milliseconds.
        values: shape (N,).
        starts_ms: shape (N,), when the counter began to count, 0 where that is not
            said; None if it nowhere is.
        unknown: the series without a number.
        exemplars, histograms: how many there are; they are not kept.
    """

    series: NDArray[np.int64]
    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    starts_ms: NDArray[np.int64] | None
    unknown: tuple[SeriesKey, ...]
    exemplars: int = 0
    histograms: int = 0


class _IrregularError(Exception):
    """A sample that looked like one in the usual form is not."""


class _Decoder:
    """What both versions share: samples found so far, and how odd ones are read."""

    def __init__(self, data: bytes, find: FindSeries, limits: RequestLimits) -> None:
        self.data, self.find, self.limits = data, find, limits
        # Samples in the usual form by where they end.
        self.series: list[int] = []
        self.ends: list[int] = []
        self.zero_series: list[int] = []
        self.zero_ends: list[int] = []
        # The others: series, time, value, start.
        self.odd: list[tuple[int, int, float, int]] = []
        self.unknown: dict[SeriesKey, int] = {}
        self.exemplars = self.histograms = 0

    def number(self, key: SeriesKey) -> int:
        """Return a series' number, -1 - k for the k-th unknown one."""
        known = self.find(key)
        if known is None:
            return self.unknown.setdefault(key, -1 - len(self.unknown))
        return known

    def sample(self, series: int, start: int, stop: int) -> None:
        """Read a sample field by field."""
        time_ms = start_ms = 0
        value = 0.0
        for field in fields(self.data, start, stop):
            if field.number == 1:
                _expect(field, FIXED64)
                (value,) = _DOUBLE.unpack_from(self.data, field.start)
            elif field.number == 2:
                _expect(field, VARINT)
                time_ms = signed(field.start)
            elif field.number == 3:
                _expect(field, VARINT)
                start_ms = signed(field.start)
        self.odd.append((series, time_ms, value, start_ms))

    def samples_in_a_row(self, series: int, at: int, stop: int) -> bool:
        """Take what is nothing but samples in the usual form; False for anything else."""
        count, rest = divmod(stop - at, _SAMPLE_BYTES)
        if rest or self.data[at + 1 : stop : _SAMPLE_BYTES] != b"\x10" * count:
            return False
        self.series.extend([series] * count)
        self.ends.extend(range(at + _SAMPLE_BYTES, stop + 1, _SAMPLE_BYTES))
        return True

    def result(self) -> WriteRequest:
        """Return everything found.

        Raises:
            _IrregularError: a sample in the usual form is not.
            TooMuchError: there are too many.
        """
        count = len(self.series) + len(self.zero_series) + len(self.odd)
        if count > self.limits.samples:
            raise TooMuchError(f"{count} samples in one request, more than {self.limits.samples}")
        values, times = self._usual(self.ends)
        zero_times = self._zeros(self.zero_ends)
        series = [np.array(self.series, np.int64), np.array(self.zero_series, np.int64)]
        starts = None
        parts = [values, np.zeros(len(zero_times))], [times, zero_times]
        if self.odd:
            odd_series, odd_times, odd_values, odd_starts = zip(*self.odd, strict=True)
            series.append(np.array(odd_series, np.int64))
            parts[0].append(np.array(odd_values, np.float64))
            parts[1].append(np.array(odd_times, np.int64))
            if any(odd_starts):
                starts = np.zeros(count, np.int64)
                starts[-len(odd_starts) :] = odd_starts
        return WriteRequest(
            np.concatenate(series),
            np.concatenate(parts[1]),
            np.concatenate(parts[0]),
            starts,
            tuple(self.unknown),
            self.exemplars,
            self.histograms,
        )

    def _rows(self, ends: list[int], size: int) -> NDArray[np.uint8]:
        """Return the `size` bytes before each offset, shape (N, size)."""
        windows = np.ndarray(
            (len(self.data) - size + 1, size), np.uint8, buffer=self.data, strides=(1, 1)
        )
        return windows[np.array(ends, np.int64) - size]

    def _usual(self, ends: list[int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        if not ends:
            return np.empty(0), np.empty(0, np.int64)
        found = self._rows(ends, _SAMPLE_BYTES).view(_SAMPLE).ravel()
        if not (found["head"] == _SAMPLE_HEAD).all():
            raise _IrregularError
        return found["value"].copy(), _times(found["time_tag"], found["time"])

    def _zeros(self, ends: list[int]) -> NDArray[np.int64]:
        if not ends:
            return np.empty(0, np.int64)
        found = self._rows(ends, _ZERO_BYTES).view(_ZERO_SAMPLE).ravel()
        if not (found["head"] == _ZERO_HEAD).all():
            raise _IrregularError
        return _times(found["time_tag"], found["time"])


def _times(tags: NDArray[np.uint8], digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    continues = digits >= 0x80
    if not ((tags == _TIME_TAG).all() and continues[:, :5].all()) or continues[:, 5].any():
        raise _IrregularError
    times: NDArray[np.int64] = digits.astype(np.int64) @ _TIME_WEIGHTS
    return times - _TIME_EXCESS


def _expect(field: Field, wire_type: int) -> None:
    if field.wire_type != wire_type:
        raise MalformedMessageError(f"field {field.number} has wire type {field.wire_type}")


def _decoded(
    read: Callable[..., None], data: bytes, find: FindSeries, limits: RequestLimits
) -> WriteRequest:
    """Read samples together, or where they are not written as usual, field by field."""
    try:
        decoder = _Decoder(data, find, limits)
        read(decoder)
        return decoder.result()
    except _IrregularError:
        decoder = _Decoder(data, find, limits)
        read(decoder, by_field=True)
        return decoder.result()
    except IndexError:
        raise MalformedMessageError("the message is cut off") from None


def decode_1(data: bytes, find: FindSeries, limits: RequestLimits | None = None) -> WriteRequest:
    """Decode a `prometheus.WriteRequest`.

    Raises:
        MalformedMessageError: it is none.
        TooMuchError: it holds more than allowed.
    """
    return _decoded(_read_1, data, find, limits or RequestLimits())


def _read_1(decoder: _Decoder, *, by_field: bool = False) -> None:
    data, end, find = decoder.data, len(decoder.data), decoder.find
    add_series, add_end = decoder.series.append, decoder.ends.append
    at = count = 0
    while at < end:
        if data[at] != _TIMESERIES_TAG:
            # Metadata, and what later versions may bring.
            at = next(fields(data, at, end)).stop
            continue
        count += 1
        # A length of one or two bytes, in place: a call would be a third of the loop.
        length, at = data[at + 1], at + 2
        if length > 0x7F and data[at] < 0x80:
            length, at = length + (data[at] - 1 << 7), at + 1
        elif length > 0x7F:
            length, at = _length(data, at - 1, end)
        stop = at + length
        if stop > end:
            raise MalformedMessageError(f"the series at offset {at} is cut off")
        if length > _SAMPLE_BYTES and not by_field:
            # Known labels with one sample behind them: nothing else has to be looked at
            # now, because the bytes of the sample are checked with all others.
            series = find(data[at : stop - _SAMPLE_BYTES])
            if series is not None:
                add_series(series)
                add_end(stop)
                at = stop
                continue
            series = find(data[at : stop - _ZERO_BYTES])
            if series is not None:
                decoder.zero_series.append(series)
                decoder.zero_ends.append(stop)
                at = stop
                continue
        _read_series_1(decoder, at, stop, by_field=by_field)
        at = stop
    _limit_series(count, decoder.limits)


def _limit_series(count: int, limits: RequestLimits) -> None:
    if count > limits.series:
        raise TooMuchError(f"{count} series in one request, more than {limits.series}")


def _length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the length of the content that begins behind it, which does not pass `end`."""
    length, start = read_varint(data, at, end)
    if start + length > end:
        raise MalformedMessageError(f"the field at offset {at} is cut off")
    return length, start


def _read_series_1(decoder: _Decoder, at: int, stop: int, *, by_field: bool) -> None:
    data, begin = decoder.data, at
    if not by_field:
        while at < stop and data[at] == _LABEL_TAG:
            length, start = _length(data, at + 1, stop)
            at = start + length
        key = data[begin:at]
        if not at < stop or decoder.samples_in_a_row(decoder.number(key), at, stop):
            return
    labels, samples = [], []
    for field in fields(data, begin, stop):
        if field.number in (1, 2, 3, 4):
            _expect(field, LENGTH)
        if field.number == 1:
            labels.append(_with_tag(data, field))
        elif field.number == 2:
            samples.append(field)
        elif field.number == 3:
            decoder.exemplars += 1
        elif field.number == 4:
            decoder.histograms += 1
    if samples:
        series = decoder.number(b"".join(labels))
        for field in samples:
            decoder.sample(series, field.start, field.stop)


def _with_tag(data: bytes, field: Field) -> bytes:
    """Return a label with its tag and length, written as short as can be."""
    size = field.stop - field.start
    digits = bytearray()
    while size >= 0x80:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    digits.append(size)
    return b"\x0a" + bytes(digits) + data[field.start : field.stop]


def decode_2(data: bytes, find: FindSeries, limits: RequestLimits | None = None) -> WriteRequest:
    """Decode an `io.prometheus.write.v2.Request`.

    Raises:
        MalformedMessageError: it is none.
        TooMuchError: it holds more than allowed.
    """
    return _decoded(_read_2, data, find, limits or RequestLimits())


def _read_2(decoder: _Decoder, *, by_field: bool = False) -> None:
    data, end = decoder.data, len(decoder.data)
    symbols: list[str] = []
    series: list[tuple[int, int]] = []
    at = 0
    while at < end:
        tag = data[at]
        if tag in (_SYMBOL_TAG, _TIMESERIES_2_TAG):
            # As above, a length of one byte in place.
            length, start = data[at + 1], at + 2
            if length > 0x7F:
                length, start = _length(data, at + 1, end)
            at = start + length
            if at > end:
                raise MalformedMessageError(f"the field at offset {start} is cut off")
            if tag == _SYMBOL_TAG:
                symbols.append(data[start:at].decode("utf-8", "surrogateescape"))
            else:
                series.append((start, at))
        else:
            at = next(fields(data, at, end)).stop
    if series and symbols[:1] != [""]:
        raise MalformedMessageError("the first symbol must be the empty string")
    _limit_series(len(series), decoder.limits)
    try:
        refs: list[bytes] = []
        for start, stop in series:
            if by_field or not _read_usual_2(decoder, refs, start, stop):
                _read_series_2(decoder, symbols, start, stop)
        decoder.series.extend(map(decoder.number, _keys(refs, symbols)))
    except IndexError:
        raise MalformedMessageError("a label refers to a symbol that is not there") from None


def _read_usual_2(decoder: _Decoder, refs: list[bytes], at: int, stop: int) -> bool:
    """Take a series of labels, one sample and metadata; False for any other.

    Its label references go to `refs`, to be read with those of all others.
    """
    data = decoder.data
    if stop - at < 2 + _SAMPLE_BYTES or data[at] != _LABEL_TAG or data[at + 1] > 0x7F:
        return False
    refs_end = at + 2 + data[at + 1]
    sample_end = refs_end + _SAMPLE_BYTES
    if sample_end > stop or data[refs_end : refs_end + 2] != b"\x12\x10":
        return False
    if sample_end < stop and (
        data[sample_end] != _METADATA_TAG
        or sample_end + 2 > stop
        or sample_end + 2 + data[sample_end + 1] != stop
    ):
        return False
    refs.append(data[at + 2 : refs_end])
    decoder.ends.append(sample_end)
    return True


def _keys(refs: list[bytes], symbols: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield the names and values that the packed numbers of many series stand for."""
    packed = np.frombuffer(b"".join(refs), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, refs), np.intp, len(refs)))
    # A number ends where the continuation bit is not set, so must every series.
    last = np.flatnonzero(packed < 0x80)
    counts = np.searchsorted(last, ends)
    lengths = np.diff(last, prepend=-1)
    if len(packed) and (
        (np.diff(counts, prepend=0) % 2).any()
        or not np.isin(ends[ends > 0] - 1, last).all()
        or lengths.max(initial=0) > _MOST_REF_BYTES
    ):
        raise MalformedMessageError("label references are cut off, too long, or odd in number")
    starts = last - lengths + 1
    shifts = 7 * (np.arange(len(packed)) - np.repeat(starts, lengths))
    digits = (packed & 0x7F).astype(np.int64) << shifts
    numbers = np.add.reduceat(digits, starts) if len(starts) else starts
    texts = [symbols[number] for number in numbers.tolist()]
    at = 0
    for end in counts.tolist():
        yield tuple(texts[at:end])
        at = end


def _key(refs: bytes, symbols: list[str]) -> tuple[str, ...]:
    """Return the names and values that packed numbers stand for."""
    key = tuple(map(symbols.__getitem__, _packed(refs)))
    if len(key) % 2:
        raise MalformedMessageError("a series has an odd number of label references")
    return key


def _packed(refs: bytes) -> Iterable[int]:
    value = shift = 0
    for byte in refs:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            yield value
            value = shift = 0
        elif shift > 28:
            raise MalformedMessageError("a label reference is too long")
        else:
            shift += 7
    if shift:
        raise MalformedMessageError("a label reference does not end")


def _read_series_2(decoder: _Decoder, symbols: list[str], at: int, stop: int) -> None:
    refs = bytearray()
    samples = []
    for field in fields(decoder.data, at, stop):
        if field.number == 1:
            # Packed or one by one: both are allowed.
            if field.wire_type == VARINT:
                refs += _varint(field.start)
            else:
                _expect(field, LENGTH)
                refs += decoder.data[field.start : field.stop]
        elif field.number in (2, 3, 4):
            _expect(field, LENGTH)
            if field.number == 2:
                samples.append(field)
            elif field.number == 3:
                decoder.histograms += 1
            else:
                decoder.exemplars += 1
    if samples:
        series = decoder.number(_key(bytes(refs), symbols))
        for field in samples:
            decoder.sample(series, field.start, field.stop)


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
