"""Relays connections to a server of another library, which listens on a Unix socket.

That server does not apply our caps and deadlines. Our acceptor therefore counts each client
and terminates TLS; it passes the bytes on to the socket. The address that the other server sees
is a name in Linux's abstract namespace, by which it finds the client.
"""

import asyncio
import secrets
import socket
from collections.abc import Callable
from itertools import count
from typing import Final, cast

import structlog

from web.connections.places import ConnectionPlace, ConnectionPlaces
from web.connections.protocol import Admits

log = structlog.get_logger(__name__)

_CONNECT_S: Final = 10.0


class RelayedClient:
    """A client whose connection is relayed.

    Attributes:
        place: its place.
        address: its address.
        received_bytes: what it has sent.
    """

    __slots__ = ("_requests", "address", "place", "received_bytes")

    def __init__(self, place: ConnectionPlace) -> None:
        self.place, self.address = place, ""
        self._requests = self.received_bytes = 0

    def request_began(self) -> None:
        """Note that a request is served: the connection is not idle."""
        self._requests += 1
        self.place.idle_since_s = None

    def request_ended(self, now_s: float) -> None:
        """Note that a request has ended."""
        self._requests -= 1
        if not self._requests:
            self.place.idle_since_s = now_s


class Relay:
    """Makes the protocols of relayed connections.

    Args:
        path: of the Unix socket.
        places: the places of all connections of clients.
        send_s: how long a client may take to accept what is buffered.
    """

    def __init__(self, path: str, places: ConnectionPlaces, send_s: float) -> None:
        self._path, self._places, self._send_s = path, places, send_s
        self._loop = asyncio.get_running_loop()
        self._numbers, self._prefix = count(), f"redshank-{secrets.token_hex(8)}"
        self._clients: dict[str, RelayedClient] = {}
        self._connecting: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return the number of relayed connections."""
        return len(self._clients)

    def client(self, name: str) -> RelayedClient | None:
        """Return the client with a name in the abstract namespace, None if it has left."""
        return self._clients.get(name)

    def protocol(self, place: ConnectionPlace, admits: Admits | None = None) -> asyncio.Protocol:
        """Return the protocol of a new connection, which ends at once unless `admits` it."""
        return _ClientSide(self, place, admits)

    async def close(self) -> None:
        """End all connections."""
        for client in [*self._clients.values()]:
            client.place.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def begin(self, side: "_ClientSide", client: RelayedClient) -> str:
        """Connect a client to the socket; return the name of its connection."""
        name = f"{self._prefix}-{next(self._numbers)}"
        self._clients[name] = client
        task = self._loop.create_task(self._connect(side, name))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return name

    def end(self, name: str, place: ConnectionPlace) -> None:
        """Forget a client, and free its place."""
        self._clients.pop(name, None)
        self._places.release(place)

    def after_send_time(self, abort: Callable[[], None]) -> asyncio.TimerHandle:
        """End a connection whose client does not take what is buffered by then."""
        return self._loop.call_later(self._send_s, abort)

    async def _connect(self, side: "_ClientSide", name: str) -> None:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.settimeout(0)
            end.bind(f"\0{name}")
            async with asyncio.timeout(_CONNECT_S):
                await self._loop.sock_connect(end, self._path)
                await self._loop.create_unix_connection(lambda: _Side(side), sock=end)
        except OSError as exc:
            end.close()
            side.abort()
            log.warning("relay_failed", error=str(exc))
        except BaseException:
            end.close()
            side.abort()
            raise


class _Side(asyncio.Protocol):
    """One end of a relayed connection; what it receives goes to the other end."""

    def __init__(self, other: "_Side | None" = None) -> None:
        self._other = other
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to relay, if the other end exists."""
        self._transport = cast("asyncio.Transport", transport)
        if self._other is not None:
            self._other.join(self)

    def join(self, other: "_Side") -> None:
        """Begin to relay what has been held back."""
        self._other = other
        early, self._early = self._early, []
        if self._transport is None or self._transport.is_closing():
            other.close()
            return
        for data in early:
            other.send(data)
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Send data to the other end."""
        if self._other is not None:
            self._other.send(data)
            return
        # uvloop begins to read after `connection_made`, although it was paused there.
        self._early.append(data)
        self.read(more=False)

    def send(self, data: bytes) -> None:
        """Write to this end."""
        if self._transport is not None:
            self._transport.write(data)

    def read(self, *, more: bool) -> None:
        """Read on, or stop reading."""
        if self._transport is None or self._transport.is_closing():
            return
        if more:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Read no more from the other end until this one has taken what is buffered."""
        if self._other is not None:
            self._other.read(more=False)

    def resume_writing(self) -> None:
        """Read from the other end again."""
        if self._other is not None:
            self._other.read(more=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end."""
        self._transport = None
        if self._other is not None:
            self._other.close()

    def close(self) -> None:
        """Close the connection after what is buffered has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()


class _ClientSide(_Side):
    """The end to the client."""

    def __init__(self, relay: Relay, place: ConnectionPlace, admits: Admits | None) -> None:
        super().__init__()
        self._relay, self._admits = relay, admits
        self._client, self._name = RelayedClient(place), ""
        self._sending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect the client to the socket."""
        super().connection_made(transport)
        self._client.place.close = self.abort
        if self._admits is not None and not self._admits(transport):
            self.abort()
            return
        # Nothing is read before the other end can take it.
        self.read(more=False)
        self._client.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._name = self._relay.begin(self, self._client)

    def data_received(self, data: bytes) -> None:
        """Send data to the socket."""
        self._client.received_bytes += len(data)
        super().data_received(data)

    def pause_writing(self) -> None:
        """Read no more from the socket; the client must take what is buffered in time."""
        super().pause_writing()
        self._limit_sending()

    def resume_writing(self) -> None:
        """Read from the socket again."""
        super().resume_writing()
        self._end_limit()

    def close(self) -> None:
        """Close the connection; the client must take what is buffered in time."""
        super().close()
        self._limit_sending()

    def _limit_sending(self) -> None:
        if self._sending is None and self._transport is not None:
            self._sending = self._relay.after_send_time(self.abort)

    def _end_limit(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, and free the client's place."""
        super().connection_lost(exc)
        self._end_limit()
        self._relay.end(self._name, self._client.place)
