"""Remote-write requests 2.0: labels are references to symbols, which stand there once.

Sources: Prometheus Remote-Write 2.0 specification;
prompb/io/prometheus/write/v2/types.proto.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from ingest.errors import MalformedMessageError
from ingest.remote_write.request_decoder import RequestDecoder, UsualSamples, decoded
from ingest.remote_write.wire import LENGTH, VARINT, Field, fields, read_length, signed, varint
from ingest.series.write_request import FindSeries, RequestLimits, WriteRequest

_SYMBOL_TAG: Final = 0x22
_TIMESERIES_TAG: Final = 0x2A
_REFS_TAG: Final = 0x0A
_METADATA_TAG: Final = 0x2A

_MOST_REF_BYTES: Final = 5


def decode_2(data: bytes, find: FindSeries, limits: RequestLimits | None = None) -> WriteRequest:
    """Decode an `io.prometheus.write.v2.Request`.

    Raises:
        MalformedMessageError: it is none.
        TooMuchError: it holds more than allowed.
    """
    return decoded(_read, data, find, limits or RequestLimits())


def _read(decoder: RequestDecoder) -> None:
    data, end = decoder.data, len(decoder.data)
    symbols: list[str] = []
    series: list[tuple[int, int]] = []
    at = 0
    while at < end:
        tag = data[at]
        if tag in (_SYMBOL_TAG, _TIMESERIES_TAG):
            # A length of one byte in place: a call would cost as much as all the rest.
            length, start = data[at + 1], at + 2
            if length > 0x7F:
                length, start = read_length(data, at + 1, end)
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
    decoder.check_series(len(series))
    references = _References(decoder)
    for start, stop in series:
        if decoder.by_field or not references.take_usual(start, stop):
            references.take(start, stop)
    references.resolve(symbols)


class _References:
    """The label references of a request's series, kept to be read together."""

    def __init__(self, decoder: RequestDecoder) -> None:
        self._decoder = decoder
        usual = decoder.plain, decoder.zero, decoder.started
        self._forms = {one.head: one for one in usual}
        # Those of each form's samples, and those of all others with their samples and start.
        self._usual: dict[UsualSamples, list[bytes]] = {one: [] for one in usual}
        self._others: list[bytes] = []
        self._samples: list[tuple[list[Field], int]] = []

    def take_usual(self, at: int, stop: int) -> bool:
        """Take a series of labels, one sample and metadata; False for any other."""
        data = self._decoder.data
        if stop - at < 4 or data[at] != _REFS_TAG or data[at + 1] > 0x7F:
            return False
        refs_end = at + 2 + data[at + 1]
        form = self._forms.get(data[refs_end : refs_end + 2])
        if form is None:
            return False
        sample_end = refs_end + form.size
        if sample_end > stop or (
            sample_end < stop
            and (
                data[sample_end] != _METADATA_TAG
                or sample_end + 2 > stop
                or sample_end + 2 + data[sample_end + 1] != stop
            )
        ):
            return False
        self._usual[form].append(data[at + 2 : refs_end])
        form.ends.append(sample_end)
        return True

    def take(self, at: int, stop: int) -> None:
        """Take a series field by field."""
        decoder = self._decoder
        refs, samples, start_ms = bytearray(), [], 0
        for field in fields(decoder.data, at, stop):
            if field.number == 1 and field.wire_type == VARINT:
                # Packed or one by one: both are allowed.
                refs += varint(field.start)
            elif field.number in (1, 2, 3, 4):
                field.expect(LENGTH)
                if field.number == 1:
                    refs += decoder.data[field.start : field.stop]
                elif field.number == 2:
                    samples.append(field)
                elif field.number == 3:
                    decoder.histograms += 1
                else:
                    decoder.exemplars += 1
            elif field.number == 6:
                # The start of all samples, before each could tell its own.
                field.expect(VARINT)
                start_ms = signed(field.start)
        if samples:
            self._others.append(bytes(refs))
            self._samples.append((samples, start_ms))

    def resolve(self, symbols: list[str]) -> None:
        """Find the series of every sample.

        Raises:
            MalformedMessageError: there are references to nothing.
        """
        decoder = self._decoder
        try:
            for form, refs in self._usual.items():
                form.series.extend(map(decoder.number, _keys(refs, symbols)))
            others = map(decoder.number, _keys(self._others, symbols))
            for series, (samples, start_ms) in zip(others, self._samples, strict=True):
                for field in samples:
                    decoder.sample(series, field, start_ms)
        except IndexError:
            raise MalformedMessageError("a label refers to a symbol that is not there") from None


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
