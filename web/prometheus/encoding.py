"""Query results as Prometheus's JSON."""

from collections.abc import Iterator
from typing import Final

import orjson

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import InstantVector, Scalar, String
from web.answers import json_bytes
from web.prometheus.sample_rows import format_time, format_value, format_values, sample_rows

_SAMPLES_AT_ONCE: Final = 4096


def encode_matrix(matrix: AlignedSeries) -> bytes:
    """Return `{"resultType":"matrix","result":[…]}`, series without samples left out."""
    return b'{"resultType":"matrix","result":[' + b",".join(encode_rows(matrix)) + b"]}"


def encode_rows(matrix: AlignedSeries) -> Iterator[bytes]:
    """Yield `{"metric":{…},"values":[…]}` of each series that has samples."""
    for labels, samples in zip(matrix.labels, sample_rows(matrix), strict=True):
        if samples:
            yield b'{"metric":%b,"values":[%b]}' % (encode_labels(labels), samples)


def encode_vector(vector: InstantVector) -> bytes:
    """Return `{"resultType":"vector","result":[…]}`."""
    return b'{"resultType":"vector","result":[' + b",".join(encode_samples(vector)) + b"]}"


def encode_samples(vector: InstantVector) -> Iterator[bytes]:
    """Yield `{"metric":{…},"value":[…]}` of each series."""
    stamp = format_time(vector.time_ms).encode()
    for start in range(0, len(vector.labels), _SAMPLES_AT_ONCE):
        part = slice(start, start + _SAMPLES_AT_ONCE)
        texts = format_values(vector.values[part])
        for labels, text in zip(vector.labels[part], texts, strict=True):
            yield b'{"metric":%b,"value":[%b,"%b"]}' % (encode_labels(labels), stamp, text)


def encode_value(value: Scalar | String | InstantVector | AlignedSeries) -> bytes:
    """Return a query's result as the `data` of Prometheus's envelope."""
    match value:
        case AlignedSeries():
            return encode_matrix(value)
        case InstantVector():
            return encode_vector(value)
        case Scalar():
            stamp, text = format_time(value.time_ms), format_value(value.value)
            return f'{{"resultType":"scalar","result":[{stamp},"{text}"]}}'.encode()
        case String():
            stamp = format_time(value.time_ms)
            return b'{"resultType":"string","result":[%s,%s]}' % (
                stamp.encode(),
                json_bytes(value.value),
            )


def encode_labels(labels: Labels) -> bytes:
    """Return a label set as a JSON object, names in order."""
    return orjson.dumps(dict(labels))
