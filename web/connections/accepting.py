"""Accepts the connections of one address.

asyncio's own servers accept without limit, and leave a lack of descriptors to a log line at
most. Here each connection gets a place first, before TLS costs anything.
"""

import asyncio
import errno
import socket
from contextlib import suppress
from typing import Final, Protocol, cast

import structlog

from model.conditions import DESCRIPTORS_EXHAUSTED, Conditions
from model.limits import LimitName
from model.process.descriptors import EXHAUSTED
from model.web_config.live import LiveWebConfig
from model.web_config.tls import refuses_peer
from web.connections.places import ConnectionPlace, ConnectionPlaces
from web.connections.protocol import Admits
from web.http.network import is_trusted_proxy, sender_network
from web.middleware.headers import ALL_RESPONSES
from web.settings import WebSettings

log = structlog.get_logger(__name__)

_BACKLOG: Final = 512
_AT_ONCE: Final = 64
"""Connections accepted before other work gets a turn."""
_PAUSE_S: Final = 0.5
"""How long no connection is accepted after the system had none to give."""
_LOG_S: Final = 60.0
_SHUTDOWN_S: Final = 5.0
_NO_FAMILY: Final = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
_CAUSES: Final = {
    LimitName.CONNECTIONS: "the server has too many connections",
    LimitName.ADDRESS_CONNECTIONS: "this address has too many connections",
    LimitName.DESCRIPTORS: "the server has no file descriptors to spare",
}

_Address = tuple[str, int] | tuple[str, int, int, int]


class Protocols(Protocol):
    """Makes the protocol of each connection."""

    def protocol(self, place: ConnectionPlace, admits: Admits | None = None) -> asyncio.Protocol:
        """Return the protocol of a new connection, which ends at once unless `admits` it."""


class Acceptor:
    """Accepts on the sockets of one address until it is closed.

    Args:
        protocols: make the protocol of each connection.
        places: the places of connections.
        settings: which proxies are trusted, and the deadline of a TLS handshake.
        conditions: where a lack of descriptors is reported.
        web_config: the TLS settings; None for plain HTTP.
        http2: whether the protocols speak HTTP/2.
    """

    def __init__(
        self,
        protocols: Protocols,
        places: ConnectionPlaces,
        settings: WebSettings,
        conditions: Conditions,
        web_config: LiveWebConfig | None = None,
        *,
        http2: bool = False,
    ) -> None:
        self._protocols, self._places, self._settings = protocols, places, settings
        self._http2 = http2
        self._conditions = conditions
        serves_tls = web_config is not None and web_config.serves_tls
        self._web_config = web_config if serves_tls else None
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._beginning: set[asyncio.Task[None]] = set()
        self._pausing: asyncio.TimerHandle | None = None
        self._logged_s: dict[LimitName, float] = {}

    async def listen(self, host: str, port: int) -> int:
        """Listen on all addresses of a host; return the port.

        Raises:
            OSError: the host is unknown, or an address cannot be used.
        """
        try:
            for family, address in await _addresses(host, port):
                self._bind(family, address)
        except BaseException:
            self._close_sockets()
            raise
        self._resume()
        return int(self._sockets[0].getsockname()[1])

    def _bind(self, family: int, address: _Address) -> None:
        first = self._sockets[0].getsockname()[1] if self._sockets else 0
        if first and not address[1]:
            # "Any port" is the same one for IPv4 and IPv6.
            address = (address[0], first, *address[2:])
        try:
            self._sockets.append(_listening(family, address))
        except OSError as exc:
            # A host without IPv6 has its wildcard address all the same.
            if not (self._sockets and exc.errno in _NO_FAMILY):
                raise

    async def close(self) -> None:
        """Accept no more; connections that are open go on."""
        if self._pausing is not None:
            self._pausing.cancel()
        for each in self._sockets:
            self._loop.remove_reader(each)
        self._close_sockets()
        for task in self._beginning:
            task.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)

    def _close_sockets(self) -> None:
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def _resume(self) -> None:
        self._pausing = None
        for each in self._sockets:
            self._loop.add_reader(each, self._accept, each)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as exc:
                if exc.errno not in EXHAUSTED:
                    raise
                self._pause(exc)
                return
            connection.settimeout(0)
            self._admit(connection, str(address[0]))

    def _pause(self, exc: OSError) -> None:
        """Accept nothing for a moment: the system has no descriptor or no memory."""
        self._conditions.set(DESCRIPTORS_EXHAUSTED, exc.strerror or str(exc))
        self._places.make_room()
        for each in self._sockets:
            self._loop.remove_reader(each)
        self._pausing = self._loop.call_later(_PAUSE_S, self._resume)

    def _admit(self, connection: socket.socket, address: str) -> None:
        is_proxy = is_trusted_proxy(address, self._settings)
        network = None if is_proxy else sender_network(address)
        place = ConnectionPlace(network, self._loop.time())
        limit = self._places.take(place, connection.fileno())
        if limit is not None:
            self._refuse(connection, limit, address)
            return
        self._conditions.clear(DESCRIPTORS_EXHAUSTED)
        task = self._loop.create_task(self._begin(connection, place))
        self._beginning.add(task)
        # Until its protocol exists, the connection that makes room for another ends so.
        place.close = task.cancel
        task.add_done_callback(lambda task: self._begun(task, connection, place))

    async def _begin(self, connection: socket.socket, place: ConnectionPlace) -> None:
        """Hand a connection over to its protocol, after the TLS handshake."""
        if self._web_config is None:
            plain = self._protocols.protocol(place)
            await self._loop.connect_accepted_socket(lambda: plain, connection)
            return
        current = self._web_config.current

        def admits(transport: asyncio.BaseTransport) -> bool:
            tls = current.config.tls
            return tls is None or not refuses_peer(tls, transport.get_extra_info("peercert"))

        protocol = self._protocols.protocol(place, admits)
        await self._loop.connect_accepted_socket(
            lambda: protocol,
            connection,
            ssl=current.http2_context if self._http2 else current.context,
            ssl_handshake_timeout=self._settings.connections.header_timeout_s,
            ssl_shutdown_timeout=_SHUTDOWN_S,
        )

    def _begun(
        self, task: asyncio.Task[None], connection: socket.socket, place: ConnectionPlace
    ) -> None:
        self._beginning.discard(task)
        exc = None if task.cancelled() else task.exception()
        if exc is None and not task.cancelled():
            return
        self._places.release(place)
        connection.close()
        if exc is not None:
            # The client speaks no TLS, no common version or cipher, or has no valid certificate.
            log.debug("connection_failed", error=str(exc))

    def _refuse(self, connection: socket.socket, limit: LimitName, address: str) -> None:
        """Close a connection; over plain HTTP with an answer that says why."""
        with connection:
            if self._web_config is None and not self._http2:
                with suppress(OSError):
                    # Unread bytes would make the system drop the answer.
                    connection.recv(2**16)
                with suppress(OSError):
                    connection.send(_answer(_CAUSES[limit]))
        now_s = self._loop.time()
        if now_s - self._logged_s.get(limit, -_LOG_S) >= _LOG_S:
            self._logged_s[limit] = now_s
            log.warning("connection_refused", limit=limit.value, address=address)


def _answer(cause: str) -> bytes:
    body = f"{cause}; try again later\n".encode()
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Length": str(len(body)),
        "Retry-After": "10",
        "Connection": "close",
        **ALL_RESPONSES,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + body


async def _addresses(host: str, port: int) -> list[tuple[int, _Address]]:
    """Return family and address of each socket; "" means all interfaces."""
    infos = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(dict.fromkeys((int(info[0]), cast("_Address", info[4])) for info in infos))


def _listening(family: int, address: _Address) -> socket.socket:
    created = socket.socket(family, socket.SOCK_STREAM)
    try:
        created.settimeout(0)
        created.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            created.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        created.bind(address)
        created.listen(_BACKLOG)
    except BaseException:
        created.close()
        raise
    return created
