"""A lean HTTP/1.1 client for plain scrapes: GET over a kept-alive connection, no proxy, no TLS.

A scrape every few seconds repeats one request over one connection. llhttp (httptools)
over an asyncio protocol does this with a third of the CPU of aiohttp's client, which
builds headers, streams and cookies for each response. `Fetcher` sends all other requests
through aiohttp (`scraper.fetching.http_session`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import aiohappyeyeballs
import httptools

from model.network.name_lookup import NameLookup
from scraper.errors import BodyTooLargeError, FetchError
from scraper.fetching.address_policy import AddressPolicy

MAX_HEAD_BYTES: Final = 64 * 2**10
"""Size limit of status line and headers."""
IDLE_S: Final = 90.0
"""Idle time of kept-alive connections, longer than usual scrape intervals."""
_SWEEP_S: Final = 30.0
_HAPPY_EYEBALLS_DELAY_S: Final = 0.25
_CLOSED: Final = "the server closed the connection"


class ConnectionReusedError(Exception):
    """A kept-alive connection closed before its response; repeat the request on a new one."""


@dataclass(slots=True)
class DirectResponse:
    """A complete response; `body` still has the encoding `content_encoding`."""

    status: int = 0
    reason: str = ""
    content_type: str = ""
    content_encoding: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Origin:
    """The destination of connections; only requests to equal origins share one."""

    host: str
    port: int
    policy: AddressPolicy | None = None


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self.idle_since_s = 0.0
        self.reusable = False
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[DirectResponse] | None = None
        self._fresh = True

    # Requests

    async def request(self, head: bytes, limit_bytes: int) -> DirectResponse:
        """Send a request and return the response.

        Args:
            head: request line and headers.
            limit_bytes: size limit of the encoded body, 0 for no limit.

        Raises:
            ConnectionReusedError: a kept-alive connection closed before its response.
            FetchError: there is no complete, well-formed response.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionReusedError
        self._response = DirectResponse()
        self._chunks: list[bytes] = []
        self._limit_bytes = limit_bytes
        self._size = self._head_bytes = 0
        self._reason = b""
        self._head_complete = self._has_length = self._finished = False
        self._parser = httptools.HttpResponseParser(self)
        self.reusable = False
        waiter: asyncio.Future[DirectResponse] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        transport.write(head)
        try:
            return await waiter
        except BaseException:
            # Also where the response is complete and its reader was cancelled just then.
            self.reusable = False
            raise
        finally:
            self._waiter = None
            self._fresh = False
            if not self.reusable:
                transport.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            # Unrequested bytes would corrupt the connection's next response.
            self.reusable = False
            self.abort()
            return
        if not self._head_complete:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("the server switched to another protocol")
        except httptools.HttpParserError as exc:
            self._fail(f"malformed HTTP response: {exc}")
        if not self._head_complete and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(f"response headers exceed {MAX_HEAD_BYTES} bytes")

    def eof_received(self) -> None:
        """Finish a response that ends with the connection, which asyncio then closes."""
        if self._waiter is not None and self._head_complete and not self._has_length:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.reusable = False
        if self._waiter is None or self._waiter.done():
            return
        if not self._head_bytes and not self._fresh:
            self._waiter.set_exception(ConnectionReusedError())
        elif self._head_complete:
            self._fail("unexpected EOF: the response's body is incomplete")
        else:
            self._fail(_CLOSED)

    # httptools callbacks

    def on_message_begin(self) -> None:
        if self._finished:
            # A second response follows, which was not requested.
            self.reusable = False

    def on_status(self, reason: bytes) -> None:
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-type":
                self._response.content_type = value.decode("latin-1")
            case b"content-encoding":
                self._response.content_encoding = value.decode("latin-1").strip().lower()
            case b"content-length" | b"transfer-encoding":
                self._has_length = True

    def on_headers_complete(self) -> None:
        self._response.status = self._parser.get_status_code()
        self._response.reason = self._reason.decode("latin-1")
        self._head_complete = self._response.status >= 200

    def on_body(self, data: bytes) -> None:
        self._size += len(data)
        if self._limit_bytes and self._size > self._limit_bytes:
            self._fail_with(BodyTooLargeError(self._limit_bytes))
        else:
            self._chunks.append(data)

    def on_message_complete(self) -> None:
        if self._finished:
            return
        if self._response.status < 200:
            # An interim response, for example 100 Continue; the final one follows.
            self._response = DirectResponse()
            self._reason = b""
            self._has_length = False
            return
        self.reusable = self._parser.should_keep_alive()
        self._finish()

    def _finish(self) -> None:
        self._finished = True
        if self._waiter is not None and not self._waiter.done():
            response, chunks = self._response, self._chunks
            response.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            # Bytes after the response must not change it.
            self._response, self._chunks = DirectResponse(), []
            self._waiter.set_result(response)

    def _fail(self, message: str) -> None:
        self._fail_with(FetchError(message))

    def _fail_with(self, error: FetchError) -> None:
        self.reusable = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


@dataclass(slots=True)
class DirectClient:
    """Sends requests over kept-alive connections.

    Attributes:
        monotonic: a clock in seconds, for the idle time of connections.
        lookup: looks up the names of targets.
    """

    monotonic: Callable[[], float]
    lookup: NameLookup = field(default_factory=NameLookup)
    _idle: dict[Origin, list[_Connection]] = field(default_factory=dict)
    _next_sweep_s: float = 0.0

    async def get(self, origin: Origin, head: bytes, limit_bytes: int) -> DirectResponse:
        """Send a request and return its response; redirects are not followed.

        Raises:
            FetchError: there is no complete, well-formed response.
            OSError: there is no connection.
        """
        self._sweep()
        while kept := self._idle.get(origin):
            connection = kept.pop()
            try:
                return await self._request(origin, connection, head, limit_bytes)
            except ConnectionReusedError:
                continue
        connection = await _connect(origin, self.lookup)
        try:
            return await self._request(origin, connection, head, limit_bytes)
        except ConnectionReusedError:
            raise FetchError(_CLOSED) from None

    def close(self) -> None:
        """Close all kept connections."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()

    async def _request(
        self, origin: Origin, connection: _Connection, head: bytes, limit_bytes: int
    ) -> DirectResponse:
        response = await connection.request(head, limit_bytes)
        if connection.reusable:
            connection.idle_since_s = self.monotonic()
            self._idle.setdefault(origin, []).append(connection)
        return response

    def _sweep(self) -> None:
        """Close the connections that have been idle for too long."""
        now_s = self.monotonic()
        if now_s < self._next_sweep_s:
            return
        self._next_sweep_s = now_s + _SWEEP_S
        for origin, connections in list(self._idle.items()):
            kept = []
            for connection in connections:
                if connection.reusable and now_s - connection.idle_since_s < IDLE_S:
                    kept.append(connection)
                else:
                    connection.abort()
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]


async def _connect(origin: Origin, lookup: NameLookup) -> _Connection:
    """Return a new connection; the policy checks the address after name resolution.

    Raises:
        OSError: no address accepts a connection, or the policy refuses them.
    """
    loop = asyncio.get_running_loop()
    infos: list[Any] = list(await lookup.addresses(origin.host, origin.port))
    socket = await aiohappyeyeballs.start_connection(
        infos,
        happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY_S,
        interleave=1,
        socket_factory=None if origin.policy is None else origin.policy.socket_factory(),
    )
    try:
        _, connection = await loop.create_connection(_Connection, sock=socket)
    except BaseException:
        socket.close()
        raise
    return connection
