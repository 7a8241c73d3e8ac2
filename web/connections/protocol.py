"""aiohttp's HTTP protocol, with deadlines for clients that do nothing.

A sweep over all connections each second costs less than a timer for each request.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog
from aiohttp import web

from model.limits import LimitName
from web.connections.places import ConnectionPlace, ConnectionPlaces
from web.middleware.headers import ALL_RESPONSES

log = structlog.get_logger(__name__)

_SWEEP_S = 1.0

Admits = Callable[[asyncio.BaseTransport], bool]
_Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a client may take.

    Attributes:
        header_s: to send a request's line and headers, and for the TLS handshake.
        idle_s: between two requests.
        send_s: to accept any part of an answer.
    """

    header_s: float
    idle_s: float
    send_s: float


class ClientConnection(web.RequestHandler):
    """One connection of a client.

    Attributes:
        place: its place.
    """

    __slots__ = ("_admits", "_answered", "_buffered", "_head_since_s", "_stuck_since_s", "place")

    def __init__(
        self, manager: web.Server, place: ConnectionPlace, admits: Admits | None, **options: Any
    ) -> None:
        super().__init__(manager, **options)
        self.place, self._admits = place, admits
        self._answered = False
        self._head_since_s: float | None = None
        self._stuck_since_s: float | None = None
        self._buffered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.place.close = cast("asyncio.Transport", transport).abort
        self.place.idle_since_s = self._loop.time()
        if self._admits is not None and not self._admits(transport):
            self.place.close()

    def data_received(self, data: bytes) -> None:
        """Note when a request begins to arrive."""
        super().data_received(data)
        if self._head_since_s is None and self.place.idle_since_s is not None:
            self._head_since_s = self._loop.time()

    def request_began(self) -> None:
        """Note that a request's headers are complete."""
        self.place.idle_since_s = self._head_since_s = None

    def request_ended(self) -> None:
        """Note that a request's handler has ended."""
        self.place.idle_since_s = self._loop.time()
        self._answered = True

    def missed_deadline(self, deadlines: Deadlines, now_s: float) -> LimitName | None:
        """Return the limit that the client exceeds, None if none."""
        transport = self.transport
        if transport is None:
            return None
        buffered = transport.get_write_buffer_size()
        if not buffered or buffered < self._buffered or self._stuck_since_s is None:
            self._stuck_since_s = now_s if buffered else None
        self._buffered = buffered
        if self._stuck_since_s is not None:
            return LimitName.SEND_TIME if now_s - self._stuck_since_s > deadlines.send_s else None
        if self._head_since_s is not None and now_s - self._head_since_s > deadlines.header_s:
            return LimitName.HEADER_TIME
        return None

    def is_idle_too_long(self, deadlines: Deadlines, now_s: float) -> bool:
        """Return whether the connection waits in vain for a request's first byte."""
        if self.place.idle_since_s is None or self._head_since_s is not None:
            return False
        # Browsers connect in advance: a connection without a request is no attack, but it
        # may not take a place for long either.
        patience_s = deadlines.idle_s if self._answered else deadlines.header_s
        return not self._buffered and now_s - self.place.idle_since_s > patience_s

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is not valid HTTP; quote nothing of it."""
        if status >= 500:
            response = super().handle_error(request, status, exc, message)
        else:
            log.info("http_request_malformed", reason=type(exc).__name__, address=request.remote)
            response = web.Response(status=status, text="the request is not valid HTTP\n")
            response.force_close()
        response.headers.update(ALL_RESPONSES)
        return response


class ConnectionServer(web.Server):
    """Makes the protocol of each connection, and enforces their deadlines.

    Args:
        server: aiohttp's server of the application.
        places: the places of connections.
        deadlines: how long clients may take.
        refused: called with the limit for each connection that misses a deadline.
        options: of aiohttp's protocol.
    """

    def __init__(
        self,
        server: web.Server,
        places: ConnectionPlaces,
        deadlines: Deadlines,
        refused: Callable[[LimitName], None],
        options: dict[str, Any],
    ) -> None:
        super().__init__(
            _watched(server.request_handler),
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
        )
        self._places, self._deadlines, self._refused = places, deadlines, refused
        self._options = options
        self._event_loop = asyncio.get_running_loop()
        self._sweep_s = min(_SWEEP_S, deadlines.header_s / 4)
        self._sweeping = self._event_loop.call_later(self._sweep_s, self._sweep)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a connection to the control socket, which needs no place."""
        return self.protocol(ConnectionPlace(None, self._event_loop.time()))

    def protocol(self, place: ConnectionPlace, admits: Admits | None = None) -> web.RequestHandler:
        """Return the protocol of a new connection, which ends at once unless `admits` it."""
        return ClientConnection(self, place, admits, loop=self._event_loop, **self._options)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Free the connection's place."""
        super().connection_lost(handler, exc)
        if isinstance(handler, ClientConnection):
            self._places.release(handler.place)

    async def shutdown(self, timeout: float | None = None) -> None:
        """Stop sweeping, then end all connections."""
        self._sweeping.cancel()
        await super().shutdown(timeout)

    def _sweep(self) -> None:
        now_s = self._event_loop.time()
        for connection in self.connections:
            if not isinstance(connection, ClientConnection):
                continue
            missed = connection.missed_deadline(self._deadlines, now_s)
            if missed is not None:
                self._refused(missed)
            if missed is not None or connection.is_idle_too_long(self._deadlines, now_s):
                connection.place.close()
        self._sweeping = self._event_loop.call_later(self._sweep_s, self._sweep)


def _watched(handle: _Handle) -> _Handle:
    """Return a handler that notes in its connection when a request begins and ends."""

    async def watched(request: web.BaseRequest) -> web.StreamResponse:
        connection = cast("ClientConnection", request.protocol)
        connection.request_began()
        try:
            return await handle(request)
        finally:
            connection.request_ended()

    return watched
