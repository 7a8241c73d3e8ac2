"""The HTTP client that scrapes and service discovery share."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from model.network.name_lookup import NameLookup
from scraper.errors import FetchError
from scraper.fetching.address_policy import AddressPolicy, RefusedAddressError
from scraper.fetching.direct import IDLE_S, DirectClient
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.oauth2 import OAuth2Access, TokenCache
from scraper.fetching.resolver import LookupResolver
from scraper.fetching.tls import TlsAccess
from scraper.messages import one_line

_MAX_TOKEN_BYTES: Final = 2**20
DEFAULT_HEADERS: Final = {"Accept-Encoding": "gzip", "User-Agent": "redshank"}


_SessionKey = tuple[AddressPolicy | None, str | None, bool]
"""The address policy, the Unix socket, and whether bodies are decompressed."""


class HttpSession:
    """HTTP client sessions; open them on the event loop that uses them.

    Each address policy has its own session, so that an unchecked connection is never
    reused for a request with a policy. Requests have no timeout of their own: the caller
    limits the whole exchange.

    Attributes:
        is_open: whether requests are accepted.
        direct: the lean client for plain requests.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._lookup = NameLookup()
        self.direct = DirectClient(time.monotonic, self._lookup)
        self._tokens = TokenCache(self._post_form, time.monotonic)
        self._sessions: dict[_SessionKey, aiohttp.ClientSession] = {}
        self._contexts: dict[TlsAccess, tuple[tuple[int, ...], Any]] = {}

    async def open(self) -> None:
        """Accept requests; connections are made on demand."""
        self.is_open = True

    async def close(self) -> None:
        """Close every session and its connections."""
        self.is_open = False
        self.direct.close()
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()

    def _session(self, access: HttpAccess, decompress: bool) -> aiohttp.ClientSession:
        """Return the session with the connections that `access` allows."""
        key = access.address_policy, access.unix_socket, decompress
        known = self._sessions.get(key)
        if known is not None:
            return known
        session = self._sessions[key] = aiohttp.ClientSession(
            connector=_connector(access, self._lookup),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=decompress,
            headers=DEFAULT_HEADERS,
        )
        return session

    @asynccontextmanager
    async def get(
        self, url: str, access: HttpAccess, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and yield the response, its body unread.

        Raises:
            FetchError: the session is closed, or a secret cannot be read.
            aiohttp.ClientError: there is no response; see `failure_message`.
        """
        response = await self.send(url, access, headers)
        async with response:
            yield response

    async def send(
        self,
        url: str | URL,
        access: HttpAccess,
        headers: Mapping[str, str],
        *,
        decompress: bool = True,
        method: str = "GET",
        data: bytes | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request and return the response, its body unread; the caller releases it.

        A caller that repeats a request should pass a parsed URL. Without `decompress` the
        body keeps its content encoding.

        Raises:
            FetchError: the session is closed, or a secret cannot be read.
            aiohttp.ClientError: there is no response; see `failure_message`.
        """
        if not self.is_open:
            raise FetchError("the scraper is closed")
        access_headers = (
            await asyncio.to_thread(access.request_headers)
            if access.reads_files
            else access.request_headers()
        )
        if isinstance(access.auth, OAuth2Access):
            access_headers.append(("Authorization", await self._tokens.header(access.auth)))
        options: dict[str, Any] = {}
        url = URL(url)
        options["proxy"] = access.proxy.url_for(url)
        if options["proxy"] is not None and access.proxy.connect_headers:
            options["proxy_headers"] = CIMultiDict(
                (name, secret.read()) for name, secret in access.proxy.connect_headers
            )
        if access.tls is not None:
            options["ssl"] = await self._context(access.tls)
            options["server_hostname"] = access.tls.server_name or None
        return await self._session(access, decompress).request(
            method,
            url,
            data=data,
            allow_redirects=access.follow_redirects,
            headers=CIMultiDict([*access_headers, *headers.items()]) if access_headers else headers,
            **options,
        )

    async def _post_form(
        self, client: OAuth2Access, headers: Mapping[str, str], form: bytes
    ) -> tuple[int, bytes]:
        """Send a form to the token endpoint of a client; return status and body."""
        access = HttpAccess(tls=client.tls, proxy=client.proxy)
        response = await self.send(client.token_url, access, headers, method="POST", data=form)
        async with response:
            return response.status, await response.content.read(_MAX_TOKEN_BYTES)

    async def _context(self, tls: TlsAccess) -> Any:
        """Return the SSL context, made again if one of its files has changed."""
        changed_ns = await asyncio.to_thread(tls.modification_times_ns) if tls.files else ()
        known = self._contexts.get(tls)
        if known is None or known[0] != changed_ns:
            known = self._contexts[tls] = changed_ns, await asyncio.to_thread(tls.context)
        return known[1]


def _connector(access: HttpAccess, lookup: NameLookup) -> aiohttp.BaseConnector:
    if access.unix_socket is not None:
        return aiohttp.UnixConnector(access.unix_socket, limit=0, keepalive_timeout=IDLE_S)
    policy = access.address_policy
    return aiohttp.TCPConnector(
        limit=0,
        keepalive_timeout=IDLE_S,
        ttl_dns_cache=30,
        resolver=LookupResolver(lookup),
        socket_factory=None if policy is None else policy.socket_factory(),
    )


def failure_message(exc: Exception) -> str:
    """Return on one line why a request has no response."""
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return one_line(f"certificate of {exc.host}: {exc.certificate_error}")
    if isinstance(exc, aiohttp.ClientConnectorError):
        return connection_failure(exc.host, exc.port, exc.os_error)
    if isinstance(exc, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    if isinstance(exc, aiohttp.TooManyRedirects):
        return "too many redirects"
    return one_line(str(exc) or type(exc).__name__)


def failure_outline(exc: Exception, host: str | None) -> str:
    """Return `failure_message` without any text of the answer of `host`, the requested one."""
    if isinstance(exc, aiohttp.ClientConnectorError) and exc.host != host:
        return "cannot connect to the host that the answer redirects to"
    if isinstance(exc, OSError | aiohttp.ServerDisconnectedError | aiohttp.TooManyRedirects):
        return failure_message(exc)
    return "malformed HTTP response"


def connection_failure(host: str, port: int | None, cause: OSError) -> str:
    """Return on one line why there is no connection to an address."""
    if isinstance(cause, RefusedAddressError):
        return one_line(f"{host}:{port}: {cause}")
    if isinstance(cause, socket.gaierror) or not cause.errno:
        why = cause.strerror or str(cause)
    else:
        why = os.strerror(cause.errno)
    return one_line(f"cannot connect to {host}:{port}: {why}")
