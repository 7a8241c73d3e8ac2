"""The HTTP client that scrapes and service discovery share."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from scraper.errors import FetchError
from scraper.fetching.http_access import HttpAccess, TlsAccess
from scraper.fetching.reach import Reach, RefusedAddressError

# 90 s: beyond the usual intervals, so that a target keeps its connection.
_KEEP_ALIVE_S = 90.0
_MAX_REASON = 300


class HttpSession:
    """Client sessions; open them on the loop that uses them.

    One for each reach: a connection that was made without a check is never taken for
    a request that needs one. They set no time-out: the caller bounds the whole exchange.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._sessions: dict[Reach | None, aiohttp.ClientSession] = {}
        self._contexts: dict[TlsAccess, tuple[tuple[int, ...], Any]] = {}

    async def open(self) -> None:
        """Take requests from now on; no connection yet."""
        self._is_open = True

    async def close(self) -> None:
        """Close every session and its connections."""
        self._is_open = False
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()

    def _session(self, reach: Reach | None) -> aiohttp.ClientSession:
        """Return the session whose connections keep to a reach."""
        known = self._sessions.get(reach)
        if known is not None:
            return known
        session = self._sessions[reach] = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE_S,
                ttl_dns_cache=30,
                # The system's: aiohttp's own choice passes over what /etc/nsswitch.conf says.
                resolver=aiohttp.ThreadedResolver(),
                socket_factory=None if reach is None else reach.socket_factory(),
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "gzip", "User-Agent": "redshank"},
        )
        return session

    @asynccontextmanager
    async def get(
        self, url: str, access: HttpAccess, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield the answer, its body unread.

        Raises:
            FetchError: the session is closed, or a secret cannot be read.
            aiohttp.ClientError: there is no answer; see `reason`.
        """
        response = await self.send(url, access, headers)
        async with response:
            yield response

    async def send(
        self,
        url: str | URL,
        access: HttpAccess,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        """Send a request and return the answer, its body unread; the caller releases it.

        A URL that is asked often is better parsed once.

        Raises:
            FetchError: the session is closed, or a secret cannot be read.
            aiohttp.ClientError: there is no answer; see `reason`.
        """
        if not self._is_open:
            raise FetchError("the scraper is closed")
        own = (
            await asyncio.to_thread(access.request_headers)
            if access.reads_files
            else access.request_headers()
        )
        options: dict[str, Any] = {}
        if access.tls is not None:
            options["ssl"] = await self._context(access.tls)
            options["server_hostname"] = access.tls.server_name or None
        return await self._session(access.reach).get(
            url,
            allow_redirects=access.follow_redirects,
            headers=CIMultiDict([*own, *headers.items()]) if own else headers,
            proxy=access.proxy_url,
            **options,
        )

    async def _context(self, tls: TlsAccess) -> Any:
        """Return the TLS context, made anew when a certificate's file changed."""
        stamp = await asyncio.to_thread(tls.stamp) if tls.files else ()
        known = self._contexts.get(tls)
        if known is None or known[0] != stamp:
            known = self._contexts[tls] = stamp, await asyncio.to_thread(tls.context)
        return known[1]


def reason(exc: Exception) -> str:
    """Say on one line of bounded length why there is no answer."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return abridged_message(f"certificate of {exc.host}: {exc.certificate_error}")
    if isinstance(exc, aiohttp.ClientConnectorError):
        cause = exc.os_error
        if isinstance(cause, RefusedAddressError):
            return abridged_message(f"{exc.host}:{exc.port}: {cause}")
        if isinstance(cause, socket.gaierror) or not cause.errno:
            why = cause.strerror or str(cause)
        else:
            why = os.strerror(cause.errno)
        return abridged_message(f"cannot connect to {exc.host}:{exc.port}: {why}")
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    if isinstance(exc, aiohttp.TooManyRedirects):
        return "too many redirects"
    return abridged_message(str(exc) or type(exc).__name__)


def abridged_message(text: str) -> str:
    """Return `text` on one line of bounded length: it may be the other side's own words."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_REASON else f"{line[: _MAX_REASON - 1]}…"
