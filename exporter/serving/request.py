"""Reads HTTP/1.1 requests from a connection and writes the answers.

Not http.server: it loads TLS and the parser of e-mails, 6 MB beside the 21 MB that the exporter
has resident, and takes twice the CPU time per request (13 us against 7).

Source: RFC 9110 and RFC 9112.
"""

from __future__ import annotations

import io
import re
import socketserver
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

# As http.server: a longer request line or header is that of a broken client.
_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_VERSION = re.compile(r"HTTP/([0-9]{1,10})\.([0-9]{1,10})")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class RequestError(Exception):
    """A request is not valid HTTP, or not one that this server answers."""

    def __init__(self, status: HTTPStatus, reason: str = "") -> None:
        super().__init__(reason or status.phrase)
        self.status = status


@dataclass(frozen=True)
class RequestHead:
    """A request without its body.

    Attributes:
        method: the method, as the client wrote it.
        target: the path with its query.
        version: major and minor version of HTTP.
        headers: by lower-case name; of a header that repeats, the first value.
    """

    method: str
    target: str
    version: tuple[int, int]
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """Return the value of a header, given its lower-case name, "" without one."""
        return self.headers.get(name, "")

    @property
    def stays_open(self) -> bool:
        """Whether the client sends further requests on the connection."""
        wish = self.header("connection").lower()
        if self.version >= (1, 1):
            return "close" not in wish
        return "keep-alive" in wish

    @property
    def has_body(self) -> bool:
        """Whether a body follows."""
        return "content-length" in self.headers or "transfer-encoding" in self.headers


def read_head(reader: io.BufferedReader) -> RequestHead | None:
    """Return the next request, None at the end of the connection.

    Raises:
        RequestError: the request is malformed, too long, or of another version of HTTP.
        OSError: the client is gone or too slow.
    """
    line = reader.readline(_LONGEST_LINE + 1)
    if not line:
        return None
    if len(line) > _LONGEST_LINE:
        raise RequestError(HTTPStatus.REQUEST_URI_TOO_LONG)
    words = [word.decode("latin-1") for word in line.split()]
    if len(words) != 3:
        raise RequestError(HTTPStatus.BAD_REQUEST, "a request line has three words")
    method, target, protocol = words
    match = _VERSION.fullmatch(protocol)
    if match is None:
        raise RequestError(HTTPStatus.BAD_REQUEST, "the request line ends with the HTTP version")
    version = int(match[1]), int(match[2])
    if version[0] != 1:
        raise RequestError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if target.startswith("//"):
        # Not the name of another host.
        target = "/" + target.lstrip("/")
    return RequestHead(method, target, version, _headers(reader))


def _headers(reader: io.BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    last = ""
    for _ in range(_MOST_HEADERS + 1):
        line = reader.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if not line.endswith(b"\n"):
            raise ConnectionError("the client has left within a request")
        text = line.decode("latin-1").rstrip("\r\n")
        if not text:
            return headers
        if text[0] in " \t":
            # A folded line continues the last header.
            if last:
                headers[last] = f"{headers[last]} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise RequestError(HTTPStatus.BAD_REQUEST, "a header is not NAME: VALUE")
        last = name.lower()
        if last in headers:
            last = ""
        else:
            headers[last] = value.strip()
    raise RequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


def response_head(status: HTTPStatus, headers: Mapping[str, str]) -> bytes:
    """Return the head of a response, with its date."""
    now = time.gmtime()
    date = (
        f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year}"
        f" {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT"
    )
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Server: redshank-exporter",
        f"Date: {date}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class RequestHandler(socketserver.BaseRequestHandler):
    """Serves the requests of one connection, one after the other.

    A subclass sets `reader` in `setup`, and `methods`.

    Attributes:
        close_connection: whether the request that is being answered is the last one.
    """

    methods: ClassVar[Mapping[str, str]] = {}
    reader: io.BufferedReader
    head: RequestHead
    close_connection: bool

    def handle(self) -> None:
        """Answer requests until the connection is to be closed."""
        self.close_connection = False
        while not self.close_connection and self.is_awaited():
            try:
                head = read_head(self.reader)
                if head is None:
                    return
                self.head = head
                self.close_connection = not head.stays_open
                if not self.is_admitted():
                    continue
                answer = self._answer_of(head.method)
            except RequestError as exc:
                self.close_connection = True
                self.refuse(exc)
                return
            answer()

    def is_awaited(self) -> bool:
        """Return whether a request arrives."""
        return True

    def is_admitted(self) -> bool:
        """Return whether the request may be answered; it has an answer already if not."""
        return True

    def refuse(self, error: RequestError) -> None:
        """Answer a request that is not valid HTTP."""
        raise NotImplementedError

    def _answer_of(self, method: str) -> Callable[[], None]:
        name = self.methods.get(method)
        if name is None:
            raise RequestError(HTTPStatus.NOT_IMPLEMENTED, f"the method {method!r} is unknown")
        answer: Callable[[], None] = getattr(self, name)
        return answer

    def finish(self) -> None:
        """Close the reader; the listener closes the connection."""
        self.reader.close()
