"""Fetches expositions over HTTP, and trusts nothing about the other end.

Time, size after decompression and content type are bounded here; a target that breaks
a bound costs its own scrape and its own connection.

Source: Prometheus documentation, "Configuration", scrape protocols and content types.
"""

import asyncio
import os
import socket
from dataclasses import dataclass

import aiohttp

from scraper.errors import FetchError
from scraper.grammar import ExpositionFormat
from scraper.numbers import abridged
from scraper.targets import Target

_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
# 90 s: beyond the usual intervals, so that a target keeps its connection.
_KEEP_ALIVE_S = 90.0
_YIELD_BYTES = 2**20
"""A body that arrives faster than it is read lets others run this often."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body and how it is written."""

    body: bytes
    format: ExpositionFormat


class Fetcher:
    """One client session for all targets. Open it on the loop that uses it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session; no connection yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_KEEP_ALIVE_S, ttl_dns_cache=30
            ),
            # The scrape's own timeout covers everything: connecting, headers, a slow drip.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept": _ACCEPT,
                "Accept-Encoding": "gzip",
                "User-Agent": "redshank",
            },
        )

    async def close(self) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(self, target: Target) -> Fetched:
        """Return the target's exposition.

        Raises:
            FetchError: it could not be had, with the reason in words.
        """
        if self._session is None:
            raise FetchError("the scraper is closed")
        try:
            async with (
                asyncio.timeout(target.timeout_s),
                self._session.get(
                    target.url,
                    allow_redirects=target.follow_redirects,
                    headers={"X-Prometheus-Scrape-Timeout-Seconds": f"{target.timeout_s:g}"},
                ) as response,
            ):
                return await _read(response, target)
        except TimeoutError as exc:
            raise FetchError(f"timed out after {target.timeout_s:g} s") from exc
        except aiohttp.ClientError as exc:
            raise FetchError(_reason(exc)) from exc
        except (OSError, ValueError) as exc:
            raise FetchError(str(exc) or type(exc).__name__) from exc


async def _read(response: aiohttp.ClientResponse, target: Target) -> Fetched:
    try:
        _check_status(response)
        exposition_format = _format(response.headers.get("Content-Type", ""))
        return Fetched(await _body(response, target.limits.body_bytes), exposition_format)
    except FetchError:
        # What is left of the body is not worth reading.
        response.close()
        raise


def _check_status(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        reason = (response.reason or "")[:128]
        raise FetchError(f"server returned HTTP status {response.status} {reason}".rstrip())


async def _body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Return the decompressed body, read no further than the limit."""
    chunks: list[bytes] = []
    size = since_yield = 0
    while chunk := await response.content.readany():
        size += len(chunk)
        since_yield += len(chunk)
        if limit_bytes and size > limit_bytes:
            raise FetchError(f"body size limit of {limit_bytes} bytes exceeded")
        chunks.append(chunk)
        if since_yield > _YIELD_BYTES:
            since_yield = 0
            await asyncio.sleep(0)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _format(content_type: str) -> ExpositionFormat:
    """Return the format that a Content-Type header names.

    Raises:
        FetchError: it is none that can be read, in Prometheus 3's words.
    """
    if not content_type:
        raise FetchError("the target sent no Content-Type, and no fallback protocol is configured")
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        return ExpositionFormat(media_type)
    except ValueError:
        raise FetchError(
            f"received unsupported Content-Type {abridged(content_type)}, "
            f"and no fallback protocol is configured"
        ) from None


def _reason(exc: aiohttp.ClientError) -> str:
    """Say in a line what went wrong on the way."""
    if isinstance(exc, aiohttp.ClientConnectorError):
        cause = exc.os_error
        if isinstance(cause, socket.gaierror) or not cause.errno:
            why = cause.strerror or str(cause)
        else:
            why = os.strerror(cause.errno)
        return f"cannot connect to {exc.host}:{exc.port}: {why}"
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    if isinstance(exc, aiohttp.TooManyRedirects):
        return "too many redirects"
    return abridged_message(str(exc) or type(exc).__name__)


def abridged_message(text: str) -> str:
    """Return `text` on one line of bounded length: it may be the target's own words."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:299]}…"
