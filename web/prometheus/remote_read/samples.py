"""The response of type SAMPLES: one snappy-compressed message with raw samples.

All samples of a response have records of equal width, so the length of the message is
known before it is encoded, and pieces of it are sent while it is encoded.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np

from ingest.wire import read_varint, varint
from model.labels import Labels
from model.series import Times, Values
from web.prometheus.remote_read.messages import head_of, labels_fields
from web.prometheus.remote_read.selected_series import SelectedRange, SelectedSeries

_RECORD: Final = np.dtype([("head", "S3"), ("value", "<f8"), ("tag", "u1"), ("time", "u1", (10,))])
_TIME_BYTES: Final = 10
"""Every time takes the ten bytes of the longest number; decoders accept leading zeros."""
_RECORD_BYTES: Final = _RECORD.itemsize
_HEAD: Final = bytes([0x12, _RECORD_BYTES - 2, 0x09])
"""Field 2 of a series and its length; field 1 of a sample, the value."""
_TIME_TAG: Final = 0x10

_SERIES_A_PIECE: Final = 50


def encoded_samples(times_ms: Times, values: Values) -> bytes:
    """Return the samples of one series, each as field 2 of the series."""
    records = np.empty(len(times_ms), _RECORD)
    records["head"], records["value"], records["tag"] = _HEAD, values, _TIME_TAG
    shifts = np.arange(0, 7 * _TIME_BYTES, 7, dtype=np.uint64)
    groups = times_ms.astype(np.uint64)[:, None] >> shifts & np.uint64(0x7F)
    records["time"] = groups
    records["time"][:, :-1] |= 0x80
    return records.tobytes()


def message_pieces(results: Sequence[SelectedRange]) -> Iterator[bytes]:
    """Yield the message, compressed, in pieces; one result for each query."""
    # Imported here: few servers are read remotely.
    import cramjam

    sizes = [sum(map(_field_size, result.counts)) for result in results]
    total = sum(len(head_of(1, size)) + size for size in sizes)
    yield varint(total)
    for result, size in zip(results, sizes, strict=True):
        head, series = head_of(1, size), iter(result)
        while some := list(islice(series, _SERIES_A_PIECE)):
            yield _without_length(bytes(cramjam.snappy.compress_raw(head + _piece(some))))
            head = b""
        if head:
            yield _without_length(bytes(cramjam.snappy.compress_raw(head)))


def _piece(series: Iterable[SelectedSeries]) -> bytes:
    parts = []
    for one in series:
        labels = labels_fields(one.labels)
        parts += [
            head_of(1, len(labels) + len(one.times_ms) * _RECORD_BYTES),
            labels,
            encoded_samples(one.times_ms, one.values),
        ]
    return b"".join(parts)


def _field_size(counted: tuple[Labels, int]) -> int:
    """Return the size of a series as a field of the result."""
    labels, count = counted
    size = len(labels_fields(labels)) + count * _RECORD_BYTES
    return len(head_of(1, size)) + size


def _without_length(block: bytes) -> bytes:
    """Return a compressed block without the length of its content.

    A block only refers back within itself, so blocks after one length are one block.
    """
    _, start = read_varint(block, 0, len(block))
    return block[start:]
