"""Fetches expositions over HTTP from untrusted targets.

Time, size after decompression and content type are limited here; a target that exceeds a
limit loses only its own scrape and connection.

Source: Prometheus documentation, "Configuration", scrape protocols and content types.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
from yarl import URL

from scraper.errors import FetchError
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.http_session import HttpSession, failure_message
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol, accept_header
from scraper.fetching.targets import ScrapeTarget
from scraper.messages import quoted

_YIELD_BYTES = 2**20
"""Other tasks get a turn after this many bytes of a body that arrives without pauses."""
_FORMATS = {str(known): known for known in ExpositionFormat}
_CACHED_TARGETS = 4096
"""Size of the caches of parsed URLs and headers: parsing a URL takes as long as a request."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body and its format."""

    body: bytes
    format: ExpositionFormat


class Fetcher:
    """Fetches the expositions of all targets."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session
        self._url = lru_cache(_CACHED_TARGETS)(URL)
        self._headers = lru_cache(_CACHED_TARGETS)(_request_headers)

    async def fetch(self, target: ScrapeTarget) -> Fetched:
        """Return the target's exposition.

        Raises:
            FetchError: the fetch failed; the message is the reason.
        """
        if target.refused:
            raise FetchError(target.refused)
        headers = self._headers(target.protocols, target.escaping, target.timeout_s)
        try:
            # Limits everything: connecting, headers and a body that arrives slowly.
            async with asyncio.timeout(target.timeout_s):
                response = await self._session.send(self._url(target.url), target.access, headers)
                async with response:
                    return await _read(response, target)
        except TimeoutError as exc:
            raise FetchError(f"timed out after {target.timeout_s:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise FetchError(failure_message(exc)) from exc


async def _read(response: aiohttp.ClientResponse, target: ScrapeTarget) -> Fetched:
    try:
        _check_status(response)
        exposition_format = _format(response.headers.get("Content-Type", ""), target)
        return Fetched(await _body(response, target.limits.body_bytes), exposition_format)
    except FetchError:
        # Close the connection instead of reading the rest of the body.
        response.close()
        raise


def _check_status(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        phrase = (response.reason or "")[:128]
        raise FetchError(f"server returned HTTP status {response.status} {phrase}".rstrip())


async def _body(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Return the decompressed body; stop reading at the limit."""
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


def _request_headers(
    protocols: tuple[ScrapeProtocol, ...], escaping: EscapingScheme, timeout_s: float
) -> Mapping[str, str]:
    return {
        "Accept": accept_header(protocols, escaping),
        "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_s:g}",
    }


def _format(content_type: str, target: ScrapeTarget) -> ExpositionFormat:
    """Return the format that a Content-Type header names, or the target's fallback.

    Raises:
        FetchError: the format is not supported, and there is no fallback.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    known = _FORMATS.get(media_type)
    if known is not None:
        return known
    if target.fallback_protocol is not None:
        return target.fallback_protocol.exposition_format
    sent = f"unsupported Content-Type {quoted(content_type)}" if content_type else "no Content-Type"
    raise FetchError(f"received {sent}, and no fallback protocol is configured")
