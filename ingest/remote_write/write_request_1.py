"""Decodes remote-write 1.0, in which each series carries its labels as text.

Sources: Prometheus Remote-Write 1.0 specification; prompb/types.proto.
"""

from typing import Final

from ingest.errors import MalformedMessageError
from ingest.limits.write_limits import RequestLimits
from ingest.remote_write.request_decoder import RequestDecoder, decoded
from ingest.remote_write.written_metadata import metric_type
from ingest.series.sample_batch import FindSeries, SampleBatch
from ingest.wire import LENGTH, VARINT, Field, fields, read_length, varint
from model.metadata import MetricMetadata

# The first field of TimeSeries, its labels, has the same tag.
_TIMESERIES_TAG: Final = 0x0A
_LABEL_TAG: Final = 0x0A
_METADATA_FIELD: Final = 3


def decode_1(data: bytes, find: FindSeries, limits: RequestLimits | None = None) -> SampleBatch:
    """Decode a `prometheus.WriteRequest`.

    Raises:
        MalformedMessageError: it is no such message.
        TooMuchError: it exceeds a limit.
    """
    return decoded(_read, data, find, limits or RequestLimits())


def _read(decoder: RequestDecoder) -> None:
    data, end, find = decoder.data, len(decoder.data), decoder.find
    plain, zero, by_field = decoder.plain, decoder.zero, decoder.by_field
    add_series, add_end, plain_size = plain.series.append, plain.ends.append, plain.size
    at = count = 0
    while at < end:
        if data[at] != _TIMESERIES_TAG:
            field = next(fields(data, at, end))
            if field.number == _METADATA_FIELD:
                field.expect(LENGTH)
                _read_metadata(decoder, field)
            at = field.stop
            continue
        count += 1
        # Lengths of one or two bytes inline: a call would take a third of the loop's time.
        length, at = data[at + 1], at + 2
        if length > 0x7F and data[at] < 0x80:
            length, at = length + (data[at] - 1 << 7), at + 1
        elif length > 0x7F:
            length, at = read_length(data, at - 1, end)
        stop = at + length
        if stop > end:
            raise MalformedMessageError(f"the series at offset {at} is cut off")
        if length > plain_size and not by_field:
            # The fast path: known labels followed by one sample. `FixedSamples.read` checks
            # the bytes of the sample later, together with all others.
            series = find(data[at : stop - plain_size])
            if series is not None:
                add_series(series)
                add_end(stop)
                at = stop
                continue
            series = find(data[at : stop - zero.size])
            if series is not None:
                zero.series.append(series)
                zero.ends.append(stop)
                at = stop
                continue
        if by_field or not _read_fixed_samples(decoder, at, stop):
            _read_series(decoder, at, stop)
        at = stop
    decoder.check_series(count)


def _read_fixed_samples(decoder: RequestDecoder, at: int, stop: int) -> bool:
    """Read a series with samples of the fixed form only; return False for any other."""
    data, begin, size = decoder.data, at, decoder.plain.size
    while at < stop and data[at] == _LABEL_TAG:
        length, start = read_length(data, at + 1, stop)
        at = start + length
    count, rest = divmod(stop - at, size)
    if rest or data[at + 1 : stop : size] != decoder.plain.head[1:] * count:
        return False
    if count:
        decoder.plain.series.extend([decoder.number(data[begin:at])] * count)
        decoder.plain.ends.extend(range(at + size, stop + 1, size))
    return True


def _read_series(decoder: RequestDecoder, at: int, stop: int) -> None:
    labels, samples, histograms = [], [], []
    for field in fields(decoder.data, at, stop):
        if field.number in (1, 2, 3, 4):
            field.expect(LENGTH)
        if field.number == 1:
            labels.append(_label(decoder.data, field))
        elif field.number == 2:
            samples.append(field)
        elif field.number == 3:
            decoder.exemplars += 1
        elif field.number == 4:
            histograms.append(field)
    if histograms:
        texts = _label_texts(b"".join(labels))
        for field in histograms:
            decoder.histogram(texts, field)
    if samples:
        series = decoder.number(b"".join(labels))
        for field in samples:
            decoder.sample(series, field)


def _read_metadata(decoder: RequestDecoder, message: Field) -> None:
    kind, texts = 0, {2: "", 4: "", 5: ""}
    for field in fields(decoder.data, message.start, message.stop):
        if field.number == 1:
            field.expect(VARINT)
            kind = field.start
        elif field.number in texts:
            field.expect(LENGTH)
            texts[field.number] = decoder.data[field.start : field.stop].decode("utf-8", "replace")
    decoder.describe(texts[2], MetricMetadata(metric_type(kind), texts[4], texts[5]))


def _label_texts(key: bytes) -> list[str]:
    """Return the label names and values of a series key by turns."""
    texts = []
    for label in fields(key, 0, len(key)):
        pair = {1: b"", 2: b""}
        for field in fields(key, label.start, label.stop):
            if field.number in pair and field.wire_type == LENGTH:
                pair[field.number] = key[field.start : field.stop]
        texts += [text.decode("utf-8", "surrogateescape") for text in pair.values()]
    return texts


def _label(data: bytes, field: Field) -> bytes:
    """Return a label with its tag and its length in the shortest encoding."""
    content = data[field.start : field.stop]
    return bytes([_LABEL_TAG]) + varint(len(content)) + content
