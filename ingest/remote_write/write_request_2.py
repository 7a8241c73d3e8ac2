"""Decodes remote-write 2.0, in which labels are references to a table of symbols.

Sources: Prometheus Remote-Write 2.0 specification;
prompb/io/prometheus/write/v2/types.proto.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from ingest.errors import MalformedMessageError
from ingest.limits.write_limits import RequestLimits
from ingest.remote_write.request_decoder import FixedSamples, RequestDecoder, decoded
from ingest.remote_write.written_metadata import family_of, metric_type
from ingest.series.sample_batch import FindSeries, SampleBatch
from ingest.wire import LENGTH, VARINT, Field, fields, read_length, signed, varint
from model.labels import METRIC_NAME
from model.metadata import MetricMetadata

_SYMBOL_TAG: Final = 0x22
_TIMESERIES_TAG: Final = 0x2A
_REFS_TAG: Final = 0x0A
_METADATA_TAG: Final = 0x2A

_MOST_REF_BYTES: Final = 5


def decode_2(data: bytes, find: FindSeries, limits: RequestLimits | None = None) -> SampleBatch:
    """Decode an `io.prometheus.write.v2.Request`.

    Raises:
        MalformedMessageError: it is no such message.
        TooMuchError: it exceeds a limit.
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
            # Lengths of one byte inline: a call would double the loop's time.
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
        if decoder.by_field or not references.read_fixed_sample(start, stop):
            references.read_fields(start, stop)
    references.resolve(symbols)


class _SeriesFields:
    """The fields of a series besides its labels."""

    __slots__ = ("histograms", "metadata", "samples", "start_ms")

    def __init__(self) -> None:
        self.samples: list[Field] = []
        self.histograms: list[Field] = []
        self.metadata = b""
        self.start_ms = 0


class _References:
    """The label references of all series of a request, resolved together."""

    def __init__(self, decoder: RequestDecoder) -> None:
        self._decoder = decoder
        forms = decoder.plain, decoder.zero, decoder.started
        self._forms = {form.head: form for form in forms}
        # Packed references of series with one sample of a fixed form.
        self._fixed: dict[FixedSamples, list[bytes]] = {form: [] for form in forms}
        self._metadata: dict[FixedSamples, list[bytes]] = {form: [] for form in forms}
        # Packed references of all other series, and their fields.
        self._others: list[bytes] = []
        self._series: list[_SeriesFields] = []

    def read_fixed_sample(self, at: int, stop: int) -> bool:
        """Read a series with one sample of a fixed form; return False for any other."""
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
        self._fixed[form].append(data[at + 2 : refs_end])
        self._metadata[form].append(data[sample_end + 2 : stop])
        form.ends.append(sample_end)
        return True

    def read_fields(self, at: int, stop: int) -> None:
        """Read a series field by field."""
        decoder = self._decoder
        refs, series = bytearray(), _SeriesFields()
        for field in fields(decoder.data, at, stop):
            if field.number == 1 and field.wire_type == VARINT:
                # Protobuf allows references to be packed or not.
                refs += varint(field.start)
            elif field.number in (1, 2, 3, 4, 5):
                field.expect(LENGTH)
                if field.number == 1:
                    refs += decoder.data[field.start : field.stop]
                elif field.number == 2:
                    series.samples.append(field)
                elif field.number == 3:
                    series.histograms.append(field)
                elif field.number == 4:
                    decoder.exemplars += 1
                else:
                    series.metadata = decoder.data[field.start : field.stop]
            elif field.number == 6:
                # A release candidate had one start time for all samples of a series.
                field.expect(VARINT)
                series.start_ms = signed(field.start)
        if series.samples or series.histograms:
            self._others.append(bytes(refs))
            self._series.append(series)

    def resolve(self, symbols: list[str]) -> None:
        """Find the series of each sample, and read the metadata of new ones.

        Raises:
            MalformedMessageError: a reference has no symbol.
        """
        decoder = self._decoder
        try:
            for form, refs in self._fixed.items():
                keys = list(_keys(refs, symbols))
                numbers = list(map(decoder.number, keys))
                form.series.extend(numbers)
                # Not of known series, whose metadata rarely changes: it costs a microsecond.
                if min(numbers, default=0) < 0:
                    for key, number, metadata in zip(
                        keys, numbers, self._metadata[form], strict=True
                    ):
                        if number < 0 and metadata:
                            _describe(decoder, key, metadata, symbols)
            for key, series in zip(_keys(self._others, symbols), self._series, strict=True):
                for field in series.histograms:
                    decoder.histogram(key, field)
                if series.samples:
                    number = decoder.number(key)
                    for field in series.samples:
                        decoder.sample(number, field, series.start_ms)
                if series.metadata:
                    _describe(decoder, key, series.metadata, symbols)
        except IndexError:
            raise MalformedMessageError("a label refers to a missing symbol") from None


def _describe(
    decoder: RequestDecoder, key: tuple[str, ...], metadata: bytes, symbols: list[str]
) -> None:
    """Read the metadata of a series."""
    numbers = {1: 0, 3: 0, 4: 0}
    for field in fields(metadata, 0, len(metadata)):
        if field.number in numbers:
            field.expect(VARINT)
            numbers[field.number] = field.start
    metric = dict(zip(key[::2], key[1::2], strict=True)).get(METRIC_NAME, "")
    kind = metric_type(numbers[1])
    texts = (symbols[numbers[field]] for field in (3, 4))
    decoder.describe(family_of(metric, kind), MetricMetadata(kind, *texts))


def _keys(refs: list[bytes], symbols: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield label names and values of each series, given its packed references."""
    packed = np.frombuffer(b"".join(refs), np.uint8)
    ends = np.cumsum(np.fromiter(map(len, refs), np.intp, len(refs)))
    # A reference ends at a byte without continuation bit, and a series at such an end.
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
