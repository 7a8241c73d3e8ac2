"""Access tokens by OAuth 2.0 client credentials, kept until they expire.

Source: RFC 6749, sections 2.3.1 and 4.4; Prometheus documentation, "Configuration", oauth2.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from scraper.errors import FetchError
from scraper.fetching.proxies import ProxyAccess
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess
from scraper.messages import one_line, shown_url

EARLY_S: Final = 10.0
"""A token is renewed so many seconds before it expires."""

PostForm = Callable[["OAuth2Access", dict[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Sends headers and a form to the token endpoint; returns status and body."""


@dataclass(frozen=True, slots=True)
class OAuth2Access:
    """The credentials of a client, and where it gets its tokens.

    Attributes:
        client_id: the client's name at the token endpoint.
        client_secret: its secret.
        token_url: the token endpoint.
        scopes: the requested scopes.
        endpoint_params: further fields of the form.
        tls: TLS options of the token endpoint, None for the library's defaults.
        proxy: proxies on the way to the token endpoint.
    """

    client_id: str
    client_secret: Secret
    token_url: str
    scopes: tuple[str, ...] = ()
    endpoint_params: tuple[tuple[str, str], ...] = ()
    tls: TlsAccess | None = None
    proxy: ProxyAccess = field(default_factory=ProxyAccess)


@dataclass(frozen=True, slots=True)
class _Token:
    header: str
    secret: str = field(repr=False)
    expires_s: float | None


class TokenCache:
    """Gets tokens and keeps them; one request at a time for each client.

    Args:
        post: sends a form.
        monotonic: seconds, for the age of tokens.
    """

    def __init__(self, post: PostForm, monotonic: Callable[[], float]) -> None:
        self._post, self._monotonic = post, monotonic
        self._tokens: dict[OAuth2Access, _Token] = {}
        self._locks: dict[OAuth2Access, asyncio.Lock] = {}
        self._in_body: set[str] = set()

    async def header(self, access: OAuth2Access) -> str:
        """Return the Authorization header.

        Raises:
            FetchError: there is no token; the message is the reason.
        """
        async with self._locks.setdefault(access, asyncio.Lock()):
            secret = await asyncio.to_thread(access.client_secret.read)
            known = self._tokens.get(access)
            now_s = self._monotonic()
            if (
                known is None
                or known.secret != secret
                or (known.expires_s is not None and now_s >= known.expires_s - EARLY_S)
            ):
                known = self._tokens[access] = await self._request(access, secret, now_s)
            return known.header

    async def _request(self, access: OAuth2Access, secret: str, now_s: float) -> _Token:
        status, body = await self._ask(access, secret)
        document = _json_object(body) if status == 200 else {}
        token = document.get("access_token")
        if not isinstance(token, str) or not token:
            reason = one_line(body.decode(errors="replace")) or "no body"
            message = f"oauth2: {shown_url(access.token_url)} returned HTTP status {status}"
            raise FetchError(f"{message}: {reason}", message)
        kind = str(document.get("token_type") or "Bearer")
        kind = "Bearer" if kind.lower() == "bearer" else kind
        return _Token(f"{kind} {token}", secret, _expiry_s(document.get("expires_in"), now_s))

    async def _ask(self, access: OAuth2Access, secret: str) -> tuple[int, bytes]:
        """Send the credentials as a header, and in the form where the server refuses that."""
        form = {"grant_type": "client_credentials"}
        if access.scopes:
            form["scope"] = " ".join(access.scopes)
        fields = [*form.items(), *access.endpoint_params]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if access.token_url not in self._in_body:
            pair = f"{quote_plus(access.client_id)}:{quote_plus(secret)}"
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
            answer = await self._post(
                access, {**headers, "Authorization": authorization}, urlencode(fields).encode()
            )
            if answer[0] == 200:
                return answer
        fields += [("client_id", access.client_id), ("client_secret", secret)]
        answer = await self._post(access, headers, urlencode(fields).encode())
        if answer[0] == 200:
            self._in_body.add(access.token_url)
        return answer


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _expiry_s(expires_in: object, now_s: float) -> float | None:
    """Return when a token expires; some servers send the number as text."""
    try:
        lifetime_s = float(str(expires_in))
    except ValueError:
        return None
    return now_s + lifetime_s if 0 < lifetime_s < float("inf") else None
