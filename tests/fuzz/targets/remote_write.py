"""Fuzz targets: the binary bodies of remote write and remote read."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from ingest.errors import MalformedMessageError, PushError, TooMuchError
from ingest.limits.write_limits import RequestLimits
from ingest.remote_write.request_decoder import RequestDecoder
from ingest.remote_write.snappy import decompressed
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.sample_batch import SampleBatch, SeriesKey
from tests.fuzz.targets.target import FuzzTarget
from web.prometheus.remote_read.request import decode_read_request

_LIMITS = RequestLimits(series=500, samples=2_000)
_MOST_BYTES = 1 << 20


def _nothing_known(key: SeriesKey) -> int | None:
    return None


def _by_field(data: bytes, decode: Callable[..., SampleBatch]) -> SampleBatch | None:
    """Decode a message without the fixed forms; None if it is refused."""
    initialise = RequestDecoder.__init__

    def always_by_field(self: RequestDecoder, *arguments: object, by_field: bool) -> None:
        initialise(self, *arguments, by_field=True)  # type: ignore[arg-type]

    RequestDecoder.__init__ = always_by_field  # type: ignore[assignment,method-assign]
    try:
        return decode(data, _nothing_known, _LIMITS)
    except PushError:
        return None
    finally:
        RequestDecoder.__init__ = initialise  # type: ignore[method-assign]


def _samples(batch: SampleBatch) -> list[tuple[object, ...]]:
    """Return the samples in an order that does not depend on how they were found."""
    columns = [batch.samples[name] for name in ("series", "time_ms", "start_ms")]
    rows = zip(
        *(column.tolist() for column in columns),
        np.ascontiguousarray(batch.samples["value"]).view(np.uint64).tolist(),
        strict=True,
    )
    # Keys are bytes or tuples, which have no order.
    return sorted(((batch.unknown[-1 - row[0]], *row[1:]) for row in rows), key=repr)


def _decoded(data: bytes, decode: Callable[..., SampleBatch]) -> None:
    """Decode by the fixed forms and field by field; both must agree."""
    try:
        fast = decode(data, _nothing_known, _LIMITS)
    except (MalformedMessageError, TooMuchError):
        fast = None
    slow = _by_field(data, decode)
    if (fast is None) != (slow is None):
        raise AssertionError("only one of the two ways refuses the message")
    if fast is not None and slow is not None and _samples(fast) != _samples(slow):
        raise AssertionError("the two ways find different samples")


def _write_1(data: bytes) -> None:
    _decoded(data, decode_1)


def _write_2(data: bytes) -> None:
    _decoded(data, decode_2)


def _snappy(data: bytes) -> None:
    try:
        body = decompressed(data, _MOST_BYTES)
    except PushError:
        return
    if len(body) > _MOST_BYTES:
        raise AssertionError("the limit does not hold")


def _read(data: bytes) -> None:
    with suppress(PushError):
        decode_read_request(data)


_WORDS = ("__name__", "instance", "\x0a\x08__name__", "\x12\x10\x09", "\x22\x00", "\x2a")

TARGETS = (
    FuzzTarget("remote_write_1", _write_1, _WORDS),
    FuzzTarget("remote_write_2", _write_2, _WORDS),
    FuzzTarget("remote_read", _read, _WORDS),
    FuzzTarget("snappy", _snappy),
)
