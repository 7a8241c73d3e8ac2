"""`POST /api/v1/read`: raw samples by remote read.

Source: Prometheus, "Remote read API"; storage/remote/read_handler.go.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Final

from aiohttp import web

from ingest.errors import PushError, TooMuchError
from ingest.remote_write.snappy import decompressed
from model.limits import LimitName
from model.memory_pressure import MemoryLimitError, MemoryPressure
from promql.api import TooManySamplesError
from promql.running.guard import Guard
from web.http.bodies import read_body
from web.http.errors import BadRequestError, TooMuchInsideError, UnsupportedMediaTypeError
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface
from web.prometheus.parameters import EARLIEST_MS, LATEST_MS
from web.prometheus.remote_read.frames import frames
from web.prometheus.remote_read.request import (
    ReadQuery,
    ReadRequest,
    ResponseType,
    decode_read_request,
)
from web.prometheus.remote_read.samples import message_pieces
from web.prometheus.remote_read.selected_series import SelectedRange
from web.prometheus.streaming import streamed
from web.services import Services
from web.settings import WebSettings

_MEDIA_TYPE: Final = "application/x-protobuf"
_STREAM_TYPE: Final = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"

_BODY_BYTES: Final = 4 * 2**20
_MESSAGE_BYTES: Final = 16 * 2**20

_AT_ONCE: Final = 4
"""Further requests wait: each holds its samples in memory."""


class RemoteReadApi:
    """Answers remote-read requests."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self._samples = services.samples
        self._limit, self._timeout_s = settings.remote_read_samples, settings.query_timeout_s
        self._memory, self._refusals = services.memory, services.refusals
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(
            "prometheus",
            bytes,
            body=bytes,
            media_type=_MEDIA_TYPE,
            body_media_types=(_MEDIA_TYPE,),
            errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.SERVICE_UNAVAILABLE),
        )
        return (
            Route(
                "POST",
                "/api/v1/read",
                self.read,
                Access.VIEWER,
                Surface.PROMETHEUS,
                operation=operation,
                body_limit_bytes=_BODY_BYTES,
            ),
        )

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Return the raw samples of series, as samples or as a stream of XOR chunks."""
        if self._memory.pressure is not MemoryPressure.NONE:
            # Raw samples of unknown number; senders of remote read try again.
            self._refusals.count(LimitName.MEMORY)
            raise MemoryLimitError("remote read", self._memory)
        asked = await _request(request)
        async with self._turns:
            results = await self._selected(asked.queries)
            if asked.response_type is ResponseType.STREAMED_XOR_CHUNKS:
                return await streamed(request, frames(results), _STREAM_TYPE, "")
            return await streamed(request, message_pieces(results), _MEDIA_TYPE, "snappy")

    async def _selected(self, queries: Sequence[ReadQuery]) -> list[SelectedRange]:
        guard = Guard(self._timeout_s, self._limit, time.monotonic)
        try:
            return await asyncio.to_thread(lambda: list(self._selections(queries, guard)))
        except TooManySamplesError as exc:
            self._refusals.count(LimitName.REMOTE_READ_SAMPLES)
            raise BadRequestError(f"exceeded sample limit ({self._limit})") from exc
        finally:
            # The thread of a client that has left stops at its next check.
            guard.cancel()

    def _selections(self, queries: Sequence[ReadQuery], guard: Guard) -> Iterator[SelectedRange]:
        for query in queries:
            start_ms, end_ms = max(query.start_ms, EARLIEST_MS), min(query.end_ms, LATEST_MS)
            found = self._samples.select(query.matchers, start_ms, end_ms, guard)
            yield SelectedRange(found, start_ms, end_ms)


async def _request(request: web.Request) -> ReadRequest:
    encoding = request.headers.get("Content-Encoding", "snappy")
    if encoding != "snappy":
        raise UnsupportedMediaTypeError(f"Content-Encoding {encoding!r} is not snappy")
    body = await read_body(request)
    try:
        return decode_read_request(decompressed(body, _MESSAGE_BYTES))
    except TooMuchError as exc:
        raise TooMuchInsideError(str(exc)) from exc
    except PushError as exc:
        raise BadRequestError(str(exc)) from exc
