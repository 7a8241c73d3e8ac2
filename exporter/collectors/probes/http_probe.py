"""Probe of a web address, as blackbox_exporter's module http_2xx makes it."""

import http.client
import io
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from exporter.collectors.x509 import read_certificate
from model.probing.reply import ProbeReply

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST_REDIRECTS: Final = 10
_MOST_BODY_BYTES: Final = 2**20
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "redshank-exporter"


def probe_http(target: str, timeout_s: float) -> ProbeReply:
    """Get a URL and follow its redirects; a status from 200 to 299 is a success."""
    reply, until_s, url = ProbeReply(), time.monotonic() + timeout_s, target
    for redirects in range(_MOST_REDIRECTS + 1):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url[:200]!r} is not an http or https address")
        reply.numbers["http_redirects"] = redirects
        status, location = _get(reply, parts, until_s)
        if status not in _REDIRECTS or not location:
            reply.succeeded = 200 <= status < 300
            break
        url = urljoin(url, location)
    return reply


def _get(reply: ProbeReply, parts: SplitResult, until_s: float) -> tuple[int, str]:
    """Make one request; return its status and where it redirects to."""
    is_tls, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if is_tls else 80)
    family, address = reply.resolve(host, port, socket.SOCK_STREAM)
    connection: socket.socket = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(_left_s(until_s))
        with reply.phase("connect"):
            connection.connect(address)
        reply.numbers["http_ssl"] = is_tls
        if is_tls:
            connection = _encrypted(reply, connection, host)
        return _exchange(reply, connection, parts, until_s)
    finally:
        connection.close()


def _encrypted(reply: ProbeReply, connection: socket.socket, host: str) -> socket.socket:
    with reply.phase("tls"):
        wrapped = ssl.create_default_context().wrap_socket(connection, server_hostname=host)
    certificate = wrapped.getpeercert(binary_form=True)
    if certificate:
        expiry_s = read_certificate(certificate).not_after_s
        reply.numbers["ssl_earliest_cert_expiry"] = expiry_s
    return wrapped


def _exchange(
    reply: ProbeReply, connection: socket.socket, parts: SplitResult, until_s: float
) -> tuple[int, str]:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(character <= " " for character in path):
        raise ValueError("the address has characters that a URL has not")
    name = parts.netloc.rpartition("@")[2]
    connection.settimeout(_left_s(until_s))
    with reply.phase("processing"):
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: {_AGENT}\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        response = http.client.HTTPResponse(_ServerBytes(connection, until_s), method="GET")  # type: ignore[arg-type]
        response.begin()
    try:
        reply.numbers["http_status_code"] = response.status
        reply.numbers["http_version"] = response.version / 10
        length = response.getheader("Content-Length", "")
        reply.numbers["http_content_length"] = int(length) if length.isdecimal() else -1
        read_bytes = 0
        with reply.phase("transfer"):
            while read_bytes < _MOST_BODY_BYTES:
                part = response.read1(65536)
                if not part:
                    break
                read_bytes += len(part)
        reply.numbers["http_uncompressed_body_length"] = read_bytes
        return response.status, response.getheader("Location", "")
    finally:
        response.close()


class _ServerBytes(io.RawIOBase):
    """The bytes that a server sends until `until_s`.

    The deadline holds for all of them: a time-out of the socket holds for each read, and a
    server that sends one byte in each would keep the probe for days.
    """

    def __init__(self, connection: socket.socket, until_s: float) -> None:
        self._connection, self._until_s = connection, until_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader, as HTTPResponse expects of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return whether bytes can be read: always."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read what has come; raise TimeoutError once the time is over."""
        self._connection.settimeout(_left_s(self._until_s))
        return self._connection.recv_into(buffer)


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the probe takes too long")
    return left_s
