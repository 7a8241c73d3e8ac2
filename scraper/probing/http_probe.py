"""Probe of a web address: one request, its redirects, and the conditions on the answer."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

import httptools
import orjson

from model.probing.definitions import HttpCheck, ProbeDefinition, check_http_url
from model.probing.json_conditions import holds, parse_path, value_at
from model.probing.reply import ProbeReply
from scraper.errors import FetchError
from scraper.fetching.compression import decoded
from scraper.probing.connecting import Connector, ProbeFailedError, Streams, TlsOptions

_MOST_REDIRECTS: Final = 10
_MOST_BODY_BYTES: Final = 2**20
"""Conditions look at so much of a body; the rest is not read."""
_MOST_HEADER_BYTES: Final = 2**16
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WITHOUT_BODY: Final = frozenset({204, 304})
_CHARSET: Final = re.compile(r'charset="?([A-Za-z0-9_:.-]{1,40})', re.IGNORECASE)
_AGENT: Final = "redshank-probe"


@dataclass(slots=True)
class _HttpAnswer:
    """One response, as the parser builds it."""

    status: int = 0
    version: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    has_headers: bool = False
    is_complete: bool = False
    parser: httptools.HttpResponseParser | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of several with one name, the last counts."""
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Take the status; an interim answer is followed by another one."""
        if self.parser is None:
            return
        self.status = self.parser.get_status_code()
        self.version = self.parser.get_http_version()
        self.has_headers = self.status >= 200
        if not self.has_headers:
            self.headers.clear()

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, up to the limit."""
        self.body += part[: _MOST_BODY_BYTES - len(self.body)]

    def on_message_complete(self) -> None:
        """Note the end of the answer, unless it was an interim one."""
        self.is_complete = self.has_headers


class HttpProbe:
    """Sends the request of one probe, follows redirects, and checks the answer."""

    def __init__(
        self, connector: Connector, definition: ProbeDefinition, reply: ProbeReply
    ) -> None:
        self._connector, self._check, self._reply = connector, definition.http, reply
        self._url = definition.target

    async def run(self) -> None:
        """Record the findings.

        Raises:
            ProbeFailedError: the answer is not as it should be.
        """
        answer = await self._followed()
        reply, check = self._reply, self._check
        length = answer.headers.get("content-length", "")
        reply.numbers["http_content_length"] = int(length) if _is_length(length) else -1
        body = await self._decoded(answer)
        reply.numbers["http_uncompressed_body_length"] = len(body)
        if not check.accepts(answer.status):
            raise ProbeFailedError(
                f"HTTP status {answer.status}, expected {check.statuses.strip()}"
            )
        self._check_body(body, answer.headers.get("content-type", ""))

    async def _followed(self) -> _HttpAnswer:
        """Return the answer that is no redirect, or the first one if none are followed."""
        url, method, body = self._url, self._check.method, self._check.body.encode()
        headers = dict(self._check.headers)
        for redirects in range(_MOST_REDIRECTS + 1):
            self._reply.numbers["http_redirects"] = redirects
            answer = await self._exchanged(url, method, headers, body)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location or not self._check.follow_redirects:
                return answer
            following = urljoin(url, location)
            try:
                check_http_url(following)
            except ValueError as exc:
                raise ProbeFailedError("redirected to no http or https address") from exc
            if urlsplit(following)[:2] != urlsplit(url)[:2]:
                # The headers are meant for the first server; they may hold a password.
                headers = {}
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "GET", b""
            url = following
        raise ProbeFailedError(f"more than {_MOST_REDIRECTS} redirects")

    async def _exchanged(
        self, url: str, method: str, headers: dict[str, str], body: bytes
    ) -> _HttpAnswer:
        parts = urlsplit(url)
        is_tls, host = parts.scheme == "https", parts.hostname or ""
        reply = self._reply
        tls = TlsOptions(host, self._check.verify_tls) if is_tls else None
        port = parts.port or (443 if is_tls else 80)
        streams = await self._connector.connect(reply, host, port, tls)
        try:
            reply.numbers["http_ssl"] = is_tls
            streams.writer.write(_request(parts, method, headers, body))
            return await self._received(streams, method)
        finally:
            streams.close()

    async def _received(self, streams: Streams, method: str) -> _HttpAnswer:
        """Return the answer; the head counts as processing, the body as transfer."""
        answer, reply = _HttpAnswer(), self._reply
        parser = answer.parser = httptools.HttpResponseParser(answer)
        size_bytes = 0
        try:
            with reply.phase("processing"):
                while not answer.has_headers:
                    part = await streams.reader.read(_MOST_HEADER_BYTES)
                    size_bytes += len(part)
                    if not part or (size_bytes > _MOST_HEADER_BYTES and not answer.has_headers):
                        problem = "too long headers" if part else "no answer"
                        raise ProbeFailedError(f"the server sent {problem}")
                    parser.feed_data(part)
            reply.numbers["http_status_code"] = answer.status
            reply.numbers["http_version"] = float(answer.version or 0)
            if method == "HEAD" or answer.status in _WITHOUT_BODY:
                return answer
            with reply.phase("transfer"):
                while not answer.is_complete and len(answer.body) < _MOST_BODY_BYTES:
                    part = await streams.reader.read(_MOST_HEADER_BYTES)
                    if not part:
                        self._check_end(answer)
                        break
                    parser.feed_data(part)
        except httptools.HttpParserError as exc:
            raise ProbeFailedError("the answer is not HTTP") from exc
        except (OSError, EOFError) as exc:
            raise ProbeFailedError("the connection broke within the answer") from exc
        finally:
            # The parser refers to the answer, and that to the parser.
            answer.parser = None
        return answer

    @staticmethod
    def _check_end(answer: _HttpAnswer) -> None:
        """Check that a body may end with its connection."""
        if "content-length" in answer.headers or "transfer-encoding" in answer.headers:
            raise ProbeFailedError("the connection ended before the body did")

    async def _decoded(self, answer: _HttpAnswer) -> bytes:
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return bytes(answer.body)
        try:
            return await decoded(bytes(answer.body), encoding, _MOST_BODY_BYTES, None)
        except FetchError as exc:
            raise ProbeFailedError("the body cannot be decompressed") from exc

    def _check_body(self, body: bytes, content_type: str) -> None:
        check = self._check
        if check.contains or check.lacks:
            self._check_text(_text(body, content_type))
        if check.json_path:
            self._check_json(body)

    def _check_text(self, text: str) -> None:
        check = self._check
        self._reply.numbers["failed_due_to_regex"] = True
        if check.contains and check.contains not in text:
            raise ProbeFailedError("the body lacks the text that it must contain")
        if check.lacks and check.lacks in text:
            raise ProbeFailedError("the body contains the text that it must not contain")
        self._reply.numbers["failed_due_to_regex"] = False

    def _check_json(self, body: bytes) -> None:
        check: HttpCheck = self._check
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise ProbeFailedError("the body is not JSON") from exc
        exists, found = value_at(document, parse_path(check.json_path))
        if not exists:
            raise ProbeFailedError(f"the JSON body has no {check.json_path}")
        if not holds(found, check.json_operator, check.json_value):
            raise ProbeFailedError(
                f"the value at {check.json_path} is not {check.json_operator} {check.json_value}"
            )


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _request(parts: SplitResult, method: str, headers: dict[str, str], body: bytes) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": _AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    given = {name.lower() for name in headers}
    lines = {name: value for name, value in lines.items() if name.lower() not in given}
    lines |= headers
    if body or method in ("POST", "PUT", "PATCH"):
        lines["Content-Length"] = str(len(body))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in lines.items()
    )
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + body


def _text(body: bytes, content_type: str) -> str:
    match = _CHARSET.search(content_type)
    try:
        return body.decode(match[1] if match else "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")
