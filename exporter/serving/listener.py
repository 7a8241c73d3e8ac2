"""A threading HTTP server that limits connections and the time of each step.

One thread serves one connection. At the limit, the connection that has waited longest for its
client's request is closed: one of the same client first. If all connections have a request,
further ones wait in the kernel's queue.
"""

from __future__ import annotations

import errno
import io
import os
import selectors
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from exporter.errors import ListenError
from exporter.logs import Log
from exporter.serving.gate import ClientGate

log = Log(__name__)

# How long to wait for a free slot, or for a descriptor, before checking whether to stop.
_POLL_S = 0.5
# How often the accepting thread records that it is alive, and how old that record may be.
_HEARTBEAT_S = 5.0
_ALIVE_S = 30.0


class TimedReader(io.RawIOBase):
    """Reads a socket until a deadline, however slowly the bytes arrive."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until_s = 0.0

    def allow(self, seconds: float) -> None:
        """Set the deadline of all following reads to `seconds` from now."""
        self._until_s = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return True, as `io.RawIOBase` requires of a reader."""
        return True

    def readinto(self, buffer: memoryview[int]) -> int:  # type: ignore[override]
        """Read into `buffer` and return the number of bytes.

        Raises:
            TimeoutError: the deadline has passed.
        """
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the client took too long")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Accepts connections on one address and serves each on a thread of its own.

    Args:
        address: host and port; host "" means all addresses, IPv4 and IPv6.
        handler: makes the handler of a connection.
        max_connections: how many connections are served at a time.
        max_per_client: how many of them one address may have.
        gate: decides about TLS.
        inherited: a socket that listens already; the address is then unused.

    Raises:
        ListenError: the address is in use, not an address of this host, or unknown.
    """

    # On Windows it would let another program take the port.
    allow_reuse_address = os.name == "posix"
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: Callable[[socket.socket, object, Listener], socketserver.BaseRequestHandler],
        max_connections: int,
        max_per_client: int,
        gate: ClientGate,
        inherited: socket.socket | None = None,
    ) -> None:
        self.max_connections, self._max_per_client = max_connections, max_per_client
        self._gate = gate
        self._clients: dict[socket.socket, bytes] = {}
        self._waiting: dict[socket.socket, None] = {}
        self._slots = threading.BoundedSemaphore(max_connections)
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._idle: set[socket.socket] = set()
        self.closing = False
        self._stopping, self._stopped = socket.socketpair()
        self._accepting_s = time.monotonic()
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)
        if inherited is not None:
            # Not TCPServer's: it creates a socket first, which our unit forbids.
            socketserver.BaseServer.__init__(self, inherited.getsockname(), handler)
            self.socket = inherited
            return
        host, port = address
        try:
            self.address_family, resolved = _resolve(host, port)
            super().__init__(resolved, handler)
        except (OSError, UnicodeError) as exc:
            self._stopping.close()
            self._stopped.close()
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise ListenError(shown, getattr(exc, "strerror", None) or str(exc)) from exc

    def server_bind(self) -> None:
        """Bind; the address `::` accepts IPv4 connections too."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    @property
    def crowded(self) -> bool:
        """Whether to close a connection after its response instead of keeping it open."""
        return self.closing or len(self._open) > self.max_connections // 2

    def start(self) -> None:
        """Start to accept connections, on a thread of its own, until `stop`."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the accepting thread was active within the last 30 seconds."""
        return self._thread.is_alive() and time.monotonic() - self._accepting_s < _ALIVE_S

    def _accept(self) -> None:
        # Not socketserver's serve_forever: it polls for the stop request, which delays it.
        self.socket.settimeout(_POLL_S)
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._stopped, selectors.EVENT_READ)
            while not self.closing:
                self._accepting_s = time.monotonic()
                ready = {key.fileobj for key, _ in selector.select(_HEARTBEAT_S)}
                if self.socket in ready:
                    self._accept_one()

    def _accept_one(self) -> None:
        try:
            request, client_address = self.get_request()
        except (TimeoutError, socket.timeout):  # Two types before Python 3.10.
            return  # The client closed the connection before it was accepted.
        except OSError as exc:  # Usually EMFILE: the process has no free descriptors.
            log.warning("accept_failed", error=str(exc))
            time.sleep(_POLL_S)
            return
        self.process_request(request, client_address)

    def get_request(self) -> tuple[socket.socket, object]:
        """Return the next connection; its TLS handshake runs in its own thread."""
        request, client_address = super().get_request()
        try:
            return self._gate.wrap(request), client_address
        except OSError as exc:
            request.close()
            raise TimeoutError("the client has left") from exc

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Start the connection's thread, once there is a place for it."""
        client = _network(str(client_address[0]))  # type: ignore[index]
        if not self._has_place_for(client):
            self.shutdown_request(request)
            return
        self._evict(None)
        while not self._slots.acquire(timeout=_POLL_S):
            if self.closing:
                self.shutdown_request(request)
                return
            self._accepting_s = time.monotonic()
            self._evict(None)
        with self._changed:
            self._open.add(request)
            self._clients[request] = client
            self._waiting[request] = None
        try:
            super().process_request(request, client_address)
        except RuntimeError as exc:  # The host, or TasksMax= of our unit, allows no more threads.
            log.warning("connection_refused", error=str(exc))
            self.shutdown_request(request)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close a connection and free its slot."""
        with self._changed:
            known = request in self._open
            self._open.discard(request)
            self._idle.discard(request)
            self._clients.pop(request, None)
            self._waiting.pop(request, None)
            self._changed.notify_all()
        super().shutdown_request(request)
        if known:
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log an exception of a handler, unless the client just closed the connection."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.defect("request_failed", error)

    def _has_place_for(self, client: bytes) -> bool:
        """Return whether an address may have one more connection; it may lose another one."""
        with self._changed:
            has_place = Counter(self._clients.values())[client] < self._max_per_client
        return has_place or self._evict(client)

    def _evict(self, client: bytes | None) -> bool:
        """End the connection that has waited longest for a request, of one client or of all.

        Returns:
            Whether there was one.
        """
        with self._changed:
            if client is None and len(self._open) < self.max_connections:
                return False
            for request in self._waiting:
                if client in (None, self._clients.get(request)):
                    break
            else:
                return False
            # Its thread frees the place of all; that of its client is free now.
            del self._waiting[request], self._clients[request]
            _end(request)
            return True

    def serving(self, request: socket.socket) -> None:
        """Record that a connection's request is complete, so that no other one takes its place."""
        with self._changed:
            self._waiting.pop(request, None)

    def idle(self, request: socket.socket, *, is_idle: bool) -> None:
        """Record whether a connection waits for its next request."""
        with self._changed:
            (self._idle.add if is_idle else self._idle.discard)(request)
            if is_idle and request in self._clients:
                self._waiting.pop(request, None)
                self._waiting[request] = None
            if is_idle and self.closing:
                _wake(request)

    def stop(self, grace_s: float) -> None:
        """Stop accepting, wait up to `grace_s` for open requests, close all connections."""
        self.closing = True
        self._stopping.close()
        self._thread.join()
        with self._changed:
            for request in self._idle:
                _wake(request)
            self._changed.wait_for(lambda: not self._open, grace_s)
            for request in self._open:
                _wake(request)
        self._stopped.close()
        self.server_close()


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Return the address family to bind and the address; "" means IPv4 and IPv6 if possible."""
    if not host:
        return (
            (socket.AF_INET6, ("::", port))
            if socket.has_dualstack_ipv6()
            else (socket.AF_INET, ("0.0.0.0", port))  # noqa: S104 - ":9100" means all addresses.
        )
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, resolved = infos[0]
    return family, resolved  # type: ignore[return-value]


def _network(address: str) -> bytes:
    """Return what counts as one client: an IPv4 address or an IPv6 network of 64 bits."""
    if ":" not in address:
        return address.encode()
    packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    is_mapped = packed.startswith(bytes(10) + b"\xff\xff")
    return socket.inet_ntoa(packed[12:]).encode() if is_mapped else packed[:8]


def _end(request: socket.socket) -> None:
    """End a connection whose thread waits for its client."""
    try:
        socket.socket.shutdown(request, socket.SHUT_RDWR)
    except OSError as exc:
        if exc.errno not in (errno.ENOTCONN, errno.EBADF):
            raise


def _wake(request: socket.socket) -> None:
    """Make the thread that reads this connection see the end of its input."""
    try:
        # Not SSLSocket's shutdown, which drops the session that another thread uses.
        socket.socket.shutdown(request, socket.SHUT_RD)
    except OSError as exc:
        if exc.errno not in (errno.ENOTCONN, errno.EBADF):
            raise
