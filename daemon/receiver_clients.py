"""Sends the requests of receivers through the HTTP client of the scraper."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.receiver_set import NotificationSenders
from alerting.receivers.receiver import masked
from model.network.name_lookup import NameLookup
from scraper.errors import FetchError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession, failure_message
from scraper.fetching.resolver import LookupResolver

if TYPE_CHECKING:
    from alerting.receivers.clients import ReceiverAnswer, ReceiverClient
    from alerting.receivers.request_values import ReceiverRequest
    from alerting.routing.files.http_config import HttpSection, TlsSection

_MOST_BYTES: Final = 262_144
_KEEPING_BODY: Final = (307, 308)
"""Redirects that repeat the request with its body."""


class HttpReceiverClients:
    """`ReceiverClients` over one session: proxies, TLS, tokens and headers as for scrapes."""

    def __init__(self, session: HttpSession) -> None:
        self._session = session

    def client(self, http: "HttpSection | None", folder: Path) -> "ReceiverClient":
        """See `ReceiverClients.client`."""
        # Settings and answers take memory that only an alertmanager.yml needs.
        from alerting.receivers.clients import ReceiverAnswer
        from daemon.configuration.receiver_http import http_settings

        access = HttpAccess() if http is None else http_settings(http).access(folder)

        async def send(request: "ReceiverRequest") -> ReceiverAnswer:
            return await self._send(access, request, ReceiverAnswer)

        return send

    def tls_context(self, tls: "TlsSection", folder: Path) -> ssl.SSLContext:
        """See `ReceiverClients.tls_context`."""
        from daemon.configuration.receiver_http import tls_settings

        try:
            return tls_settings(tls).access(folder).context()
        except FetchError as exc:
            raise DeliveryError(str(exc)) from exc

    async def _send(
        self,
        access: HttpAccess,
        request: "ReceiverRequest",
        answer: "type[ReceiverAnswer]",
    ) -> "ReceiverAnswer":
        body = request.text.encode() if request.json is None else orjson.dumps(request.json)
        headers = dict(request.headers)
        if request.content_type:
            headers = {"Content-Type": request.content_type} | headers
        if request.signature is not None:
            # Few servers send to AWS.
            from daemon.aws_signing import signed

            request, headers = await signed(request, headers, body, access, self._session)
        shown = masked(SecretStr(request.url))
        try:
            response = await self._session.send(
                request.url,
                access,
                headers,
                method=request.method,
                data=body if body or request.method != "GET" else None,
            )
            async with response:
                lost = any(each.status not in _KEEPING_BODY for each in response.history)
                return answer(response.status, await response.content.read(_MOST_BYTES), lost)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            # The error's text holds the URL; chained, it would appear in tracebacks.
            raise DeliveryError(f"{shown}: not a URL", retryable=False) from None
        except (FetchError, aiohttp.ClientConnectionError) as exc:
            raise DeliveryError(f"{shown}: {failure_message(exc)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None


@asynccontextmanager
async def receiver_clients() -> AsyncIterator[HttpReceiverClients]:
    """Make clients while the block runs."""
    session = HttpSession()
    await session.open()
    try:
        yield HttpReceiverClients(session)
    finally:
        await session.close()


@asynccontextmanager
async def notification_senders() -> AsyncIterator[NotificationSenders]:
    """Yield the session of webhooks and the heartbeat, and the clients of an alertmanager.yml."""
    connector = aiohttp.TCPConnector(resolver=LookupResolver(NameLookup()))
    async with aiohttp.ClientSession(connector=connector) as session, receiver_clients() as clients:
        yield NotificationSenders(session, clients)
