"""Fetches expositions over HTTP from untrusted targets.

Time, size after decompression and content type are limited here; a target that exceeds a
limit loses only its own scrape and connection.

Source: Prometheus documentation, "Configuration", scrape protocols and content types.
"""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from scraper.errors import BodyTooLargeError, FetchError, OwnExhaustionError
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.compression import decoded
from scraper.fetching.direct import DirectResponse, Origin
from scraper.fetching.exhaustion import own_exhaustion
from scraper.fetching.http_session import (
    DEFAULT_HEADERS,
    HttpSession,
    connection_failure,
    failure_message,
    failure_outline,
)
from scraper.fetching.oauth2 import OAuth2Access
from scraper.fetching.protocols import accept_header, parse_media_type
from scraper.fetching.targets import ScrapeTarget
from scraper.messages import quoted

_YIELD_BYTES: Final = 2**20
"""Other tasks get a turn after this many bytes of a body that arrives without pauses."""
_FORMATS = {str(known): known for known in ExpositionFormat}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CACHED_REQUESTS: Final = 65_536
"""Size of the cache of requests: building one takes as long as sending it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body and its format."""

    body: bytes
    format: ExpositionFormat


@dataclass(frozen=True, slots=True)
class _ScrapeRequest:
    """The request of a target, the same at each scrape.

    Attributes:
        target: the target that it was built for.
        url: the parsed URL.
        headers: the headers of a scrape, without those of `target.access`.
        origin: the destination for `DirectClient`, None if the request needs aiohttp.
        head: request line and headers for `DirectClient`.
    """

    target: ScrapeTarget
    url: URL
    headers: dict[str, str]
    origin: Origin | None
    head: bytes

    @classmethod
    def of(cls, target: ScrapeTarget) -> "_ScrapeRequest":
        url = URL(target.url)
        headers = {
            "Accept": accept_header(target.protocols, target.escaping),
            "X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout_s:g}",
        }
        if not _can_be_direct(url, target):
            return cls(target, url, headers, None, b"")
        origin = Origin(url.raw_host or "", url.port or 80, target.access.address_policy)
        port = "" if url.is_default_port() else f":{url.port}"
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        lines = [*target.access.request_headers(), *headers.items()]
        given = {name.lower() for name, _ in lines}
        defaults = (("Host", f"{host}{port}"), *DEFAULT_HEADERS.items())
        lines = [line for line in defaults if line[0].lower() not in given] + lines
        head = f"GET {url.raw_path_qs} HTTP/1.1\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines
        )
        return cls(target, url, headers, origin, f"{head}\r\n".encode())


def _can_be_direct(url: URL, target: ScrapeTarget) -> bool:
    """Return whether `DirectClient` can send a target's request.

    Requests with TLS, a proxy, credentials in the URL or files need aiohttp.
    """
    access = target.access
    return (
        url.scheme == "http"
        and bool(url.raw_host)
        and url.raw_user is None
        and url.raw_password is None
        and access.tls is None
        and access.unix_socket is None
        and access.proxy.url_for(url) is None
        and not isinstance(access.auth, OAuth2Access)
        and not access.reads_files
        and not _has_line_break(target)
    )


def _has_line_break(target: ScrapeTarget) -> bool:
    """Return whether a header has a line break; aiohttp refuses it with a clear error."""
    return any(
        character in text
        for pair in target.access.request_headers()
        for text in pair
        for character in "\r\n\0"
    )


class Fetcher:
    """Fetches the expositions of all targets.

    Args:
        session: sends the requests.
        threads: decompress large bodies. Those of the event loop may all be busy with
            exports, snapshots and pages.
    """

    def __init__(self, session: HttpSession, threads: Executor | None = None) -> None:
        self._session, self._threads = session, threads
        self._requests: dict[str, _ScrapeRequest] = {}

    async def fetch(self, target: ScrapeTarget) -> Fetched:
        """Return the target's exposition.

        Raises:
            FetchError: the fetch failed; the message is the reason.
            OwnExhaustionError: it failed for lack of this server's descriptors, ports,
                threads or memory.
        """
        if target.refused:
            raise FetchError(target.refused)
        if not self._session.is_open:
            raise FetchError("the scraper is closed")
        try:
            # Limits everything: connecting, headers and a body that arrives slowly.
            async with asyncio.timeout(target.timeout_s):
                request = self._request(target)
                if request.origin is not None:
                    response = await self._get_directly(request, request.origin)
                    if not self._follows(response, target):
                        return await _fetched(response, target, self._threads)
                return await _fetched(await self._get(request), target, self._threads)
        except TimeoutError as exc:
            raise FetchError(f"timed out after {target.timeout_s:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError, MemoryError, RuntimeError) as exc:
            lacking = own_exhaustion(exc)
            if lacking:
                raise OwnExhaustionError(f"not scraped: this server has {lacking}") from exc
            if isinstance(exc, MemoryError | RuntimeError):
                raise
            outline = failure_outline(exc, URL(target.url).host)
            raise FetchError(failure_message(exc), outline) from exc

    def _request(self, target: ScrapeTarget) -> _ScrapeRequest:
        known = self._requests.get(target.url)
        if known is None or known.target is not target:
            if len(self._requests) >= _CACHED_REQUESTS:
                self._requests.clear()
            known = self._requests[target.url] = _ScrapeRequest.of(target)
        return known

    async def _get_directly(self, request: _ScrapeRequest, origin: Origin) -> DirectResponse:
        try:
            return await self._session.direct.get(
                origin, request.head, request.target.limits.body_bytes
            )
        except OSError as exc:
            if own_exhaustion(exc):
                raise
            raise FetchError(connection_failure(origin.host, origin.port, exc)) from exc

    @staticmethod
    def _follows(response: DirectResponse, target: ScrapeTarget) -> bool:
        return response.status in _REDIRECTS and target.access.follow_redirects

    async def _get(self, request: _ScrapeRequest) -> DirectResponse:
        """Return the response through aiohttp, which follows redirects."""
        target = request.target
        response = await self._session.send(
            request.url, target.access, request.headers, decompress=False
        )
        async with response:
            try:
                _check_status(response.status, response.reason or "")
                body = await _body(response, target.limits.body_bytes)
            except FetchError:
                # Close the connection instead of reading the rest of the body.
                response.close()
                raise
            return DirectResponse(
                response.status,
                response.reason or "",
                response.headers.get("Content-Type", ""),
                response.headers.get("Content-Encoding", "").strip().lower(),
                body,
            )


async def _fetched(
    response: DirectResponse, target: ScrapeTarget, threads: Executor | None
) -> Fetched:
    _check_status(response.status, response.reason)
    encoding, limit_bytes = response.content_encoding, target.limits.body_bytes
    body = await decoded(response.body, encoding, limit_bytes, threads)
    if not body:
        # As in Prometheus, nothing is a valid exposition of any type.
        return Fetched(body, ExpositionFormat.TEXT)
    return Fetched(body, _format(response.content_type, target))


def _check_status(status: int, reason: str) -> None:
    if status != 200:
        message = f"server returned HTTP status {status}"
        raise FetchError(f"{message} {reason[:128]}".rstrip(), message)


async def _body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Return the encoded body; stop reading at the limit."""
    chunks: list[bytes] = []
    size = since_yield = 0
    while chunk := await response.content.readany():
        size += len(chunk)
        since_yield += len(chunk)
        if limit_bytes and size > limit_bytes:
            raise BodyTooLargeError(limit_bytes)
        chunks.append(chunk)
        if since_yield > _YIELD_BYTES:
            since_yield = 0
            await asyncio.sleep(0)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _format(content_type: str, target: ScrapeTarget) -> ExpositionFormat:
    """Return the format that a Content-Type header names, or the target's fallback.

    Raises:
        FetchError: the format is not supported, and there is no fallback.
    """
    media_type = parse_media_type(content_type)
    known = None if media_type is None else _FORMATS.get(media_type)
    if known is not None:
        return known
    if target.fallback_protocol is not None:
        return target.fallback_protocol.exposition_format
    if not content_type:
        problem = "received no Content-Type"
    elif media_type is None:
        problem = f"cannot parse Content-Type {quoted(content_type)}"
    else:
        problem = f"received unsupported Content-Type {quoted(content_type)}"
    consequence = "and no fallback protocol is configured"
    raise FetchError(
        f"{problem}, {consequence}", f"received no Content-Type of an exposition, {consequence}"
    )
