"""The response of type STREAMED_XOR_CHUNKS: frames, each with chunks of one series.

A frame is the length of its message, the message's checksum and the message.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ingest.wire import varint
from web.prometheus.remote_read.checksums import crc32c
from web.prometheus.remote_read.messages import delimited, labels_fields, signed_number
from web.prometheus.remote_read.selected_series import SelectedRange, SelectedSeries
from web.prometheus.remote_read.xor_chunks import XorChunk, xor_chunks

_XOR: Final = 1
_FRAME_BYTES: Final = 2**20
"""A frame ends once it is this long, as in Prometheus."""


def frames(results: Sequence[SelectedRange]) -> Iterator[bytes]:
    """Yield the frames of all results, one result for each query."""
    for index, result in enumerate(results):
        for series in result:
            yield from _frames_of(series, index)


def _frames_of(series: SelectedSeries, query_index: int) -> Iterator[bytes]:
    labels, chunks, size = labels_fields(series.labels), list[bytes](), 0
    for chunk in xor_chunks(series.times_ms, series.values):
        chunks.append(delimited(2, _chunk(chunk)))
        size += len(chunks[-1])
        if size >= _FRAME_BYTES:
            yield _frame(labels, chunks, query_index)
            chunks, size = [], 0
    if chunks:
        yield _frame(labels, chunks, query_index)


def _chunk(chunk: XorChunk) -> bytes:
    return b"".join(
        (
            signed_number(1, chunk.start_ms),
            signed_number(2, chunk.end_ms),
            signed_number(3, _XOR),
            delimited(4, chunk.data),
        )
    )


def _frame(labels: bytes, chunks: Sequence[bytes], query_index: int) -> bytes:
    series = delimited(1, labels + b"".join(chunks))
    message = series + signed_number(2, query_index)
    return varint(len(message)) + crc32c(message).to_bytes(4, "big") + message
