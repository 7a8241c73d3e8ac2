"""Request bodies: read up to the route's limit and decompressed here.

aiohttp's own decompression is off. It also decompresses bodies that no handler reads,
which takes seconds of CPU for two megabytes of a refused request, and it accepts a
truncated stream as complete.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from model.decompression import gzip_body, zstd_body
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryReading
from web.http.errors import (
    BadRequestError,
    BodyTimeoutError,
    TooLargeError,
    UnsupportedEncodingError,
)
from web.http.routing import route_of

SERVER_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType({"auto_decompress": False})
"""Arguments that an `AppRunner` of the application must get."""


@dataclass(frozen=True, slots=True)
class BodyPolicy:
    """How long a client may take to send a body.

    Attributes:
        timeout_s: for a body of which nothing arrives.
        refusals: counts the bodies that took longer, were too large, or were refused near the
            memory limit.
        memory: near its limit, large bodies are refused.
    """

    timeout_s: float
    refusals: Refusals
    memory: MemoryReading = field(default_factory=MemoryReading)

    def admit(self, size_bytes: int) -> None:
        """Refuse a large body while memory is short.

        Raises:
            MemoryLimitError: memory is short.
        """
        if not self.memory.has_room_for(size_bytes):
            self.refusals.count(LimitName.MEMORY)
            raise MemoryLimitError("a request body of this size", self.memory)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count a body that turns out to be too large within the block."""
        try:
            yield
        except TooLargeError:
            self.refusals.count(LimitName.BODY_SIZE)
            raise

    def allowed_s(self, received_bytes: int) -> float:
        """Return how long a body may take of which this much has arrived."""
        return min(self.timeout_s + received_bytes / _SLOWEST_BYTES_S, _LONGEST_S)


BODY_POLICY: Final = web.AppKey("body_policy", BodyPolicy)

_BODY = web.RequestKey("body", bytes)

_SLOWEST_BYTES_S: Final = 1024
"""A client that sends at least this many bytes a second may go on up to `_LONGEST_S`."""
_LONGEST_S: Final = 300.0
_IN_THREAD_FROM_BYTES: Final = 2**17
"""Compressed size; decompressing this much may take some milliseconds."""

_LEFT_TO_HANDLERS: Final = frozenset({"snappy"})


async def read_body(request: web.Request) -> bytes:
    """Return the whole body, decompressed from gzip or zstd; handlers decompress snappy.

    Raises:
        BadRequestError: the body does not match its `Content-Encoding`.
        UnsupportedEncodingError: its `Content-Encoding` is unknown.
        TooLargeError: the body is larger than the route accepts.
        BodyTimeoutError: the body did not arrive in time.
        MemoryLimitError: the body is large, and the server is near its memory limit.
    """
    known: bytes | None = request.get(_BODY)
    if known is not None:
        return known
    limit_bytes, policy = body_limit_bytes(request), request.app[BODY_POLICY]
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    policy.admit(request.content_length or 0)
    with policy.counting():
        body = await _received(request, limit_bytes)
        unpack = _DECOMPRESSORS.get(encoding)
        if unpack is not None:
            if len(body) >= _IN_THREAD_FROM_BYTES:
                body = await asyncio.to_thread(unpack, body, limit_bytes)
            else:
                body = unpack(body, limit_bytes)
        elif encoding not in _LEFT_TO_HANDLERS | {"", "identity"}:
            raise UnsupportedEncodingError
    policy.admit(len(body))
    request[_BODY] = body
    return body


def body_limit_bytes(request: web.Request) -> int:
    """Return the size of the largest body that the request's route accepts."""
    route = route_of(request)
    own = None if route is None else route.body_limit_bytes
    return own or request.client_max_size


async def _received(request: web.Request, limit_bytes: int) -> bytes:
    if (request.content_length or 0) > limit_bytes:
        raise TooLargeError(limit_bytes)
    content = request.content
    try:
        if content.is_eof():
            # It arrived with the headers, as nearly every small body does.
            body = content.read_nowait()
            if len(body) > limit_bytes:
                raise TooLargeError(limit_bytes)
            return body
        return await _arriving(request, limit_bytes)
    except web.RequestPayloadError as exc:
        raise BadRequestError("the body does not match its headers") from exc


async def _arriving(request: web.Request, limit_bytes: int) -> bytes:
    """Return a body that is still arriving; the time for it grows with its size."""
    policy = request.app[BODY_POLICY]
    started_s = asyncio.get_running_loop().time()
    chunks: list[bytes] = []
    size = 0
    while True:
        allowed_s = policy.allowed_s(size)
        try:
            async with asyncio.timeout_at(started_s + allowed_s):
                chunk = await request.content.readany()
        except TimeoutError:
            policy.refusals.count(LimitName.BODY_TIME)
            raise BodyTimeoutError(allowed_s) from None
        if not chunk:
            return b"".join(chunks)
        size += len(chunk)
        if size > limit_bytes:
            raise TooLargeError(limit_bytes)
        chunks.append(chunk)


def gunzip(packed: bytes, limit_bytes: int) -> bytes:
    """Return the decompressed body; blocks.

    Raises:
        BadRequestError: the body is not gzip, is damaged or is truncated.
        TooLargeError: the decompressed body is larger than the limit.
    """
    try:
        return gzip_body.gunzip(packed, limit_bytes)
    except gzip_body.GzipSizeError:
        raise TooLargeError(limit_bytes) from None
    except gzip_body.TruncatedGzipError as exc:
        raise BadRequestError("the body is truncated gzip") from exc
    except gzip_body.GzipMembersError as exc:
        raise BadRequestError(f"the body is gzip with {exc}") from exc
    except gzip_body.GzipError as exc:
        raise BadRequestError("the body is not valid gzip") from exc


def unzstd(packed: bytes, limit_bytes: int) -> bytes:
    """Return the decompressed body; blocks.

    Raises:
        BadRequestError: the body is not zstd, is damaged or is truncated.
        TooLargeError: the decompressed body is larger than the limit.
    """
    try:
        return zstd_body.unzstd(packed, limit_bytes)
    except zstd_body.ZstdSizeError:
        raise TooLargeError(limit_bytes) from None
    except zstd_body.ZstdError as exc:
        raise BadRequestError(f"the body is not valid zstd: {exc}") from exc


_DECOMPRESSORS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": gunzip,
    "x-gzip": gunzip,
    "zstd": unzstd,
}
