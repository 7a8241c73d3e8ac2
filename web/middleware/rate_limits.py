"""Rate limits: by address before authentication, by session or token after it.

The limits stop floods and programs gone wild; they do not bill. The counts are in memory
and start again with the server.
"""

import math
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from model.clock import Clock
from model.limits import Refusals
from web.http.errors import TooManyRequestsError
from web.http.network import client_address, is_control_socket, sender_network
from web.http.quotas import Holder, Quota, QuotaState
from web.http.routing import Access, Handler, Principal, principal_of, route_of
from web.identity.secret_hashes import secret_hash
from web.identity.tokens import token_of
from web.settings import QuotaSettings, WebSettings

QUOTA_STATE = web.RequestKey("quota_state", QuotaState)
"""The sender's quota for the response headers: the key's if the request has one."""

_PUSH_PATHS: Final = frozenset({"/report", "/api/v1/track", "/api/v1/track/batch"})
"""Public routes whose handlers check the key: it belongs to a host or project, not to a user.

Routes for any page have the project's key in the body; `web.events.collection` counts it.
"""

EXEMPT: Final = frozenset({"/health", "/api/health", "/-/healthy", "/-/ready"})
"""Health probes: a refused one would make the orchestrator restart the server."""


@dataclass(frozen=True, slots=True)
class _Quotas:
    by_address: Quota | None
    by_key: Quota | None

    @classmethod
    def of(cls, settings: QuotaSettings) -> "_Quotas":
        def quota(per_minute: int) -> Quota | None:
            return Quota(per_minute) if per_minute else None

        return cls(quota(settings.address_per_minute), quota(settings.key_per_minute))


_QUOTAS = web.RequestKey("quotas", _Quotas)
"""The quotas that a request counts against; absent for an exempt request."""


class RateLimits:
    """The two middlewares, with their counts."""

    def __init__(self, settings: WebSettings, clock: Clock, refusals: Refusals) -> None:
        """Start with full quotas; `refusals` counts the refused requests."""
        self._settings, self._clock, self._refusals = settings, clock, refusals
        self._requests = _Quotas.of(settings.rate_limits.requests)
        self._push = _Quotas.of(settings.rate_limits.push)

    @web.middleware
    async def by_address(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request for its address, before authentication reads the database."""
        quotas = self._quotas(request)
        if quotas is not None:
            request[_QUOTAS] = quotas
        if quotas is not None and quotas.by_address is not None:
            address = sender_network(client_address(request, self._settings))
            self._take(request, quotas.by_address, address, Holder.ADDRESS)
        return await handler(request)

    @web.middleware
    async def by_key(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request for its session or token; runs inside the guard."""
        quotas = request.get(_QUOTAS)
        if quotas is not None and quotas.by_key is not None:
            key = _credential_key(principal_of(request)) or _host_key(request)
            if key:
                self._take(request, quotas.by_key, key, Holder.KEY)
        return await handler(request)

    def _quotas(self, request: web.Request) -> _Quotas | None:
        if request.path in EXEMPT or is_control_socket(request):
            return None
        route = route_of(request)
        if route is not None and (
            route.access is Access.PUSH or route.path in _PUSH_PATHS or route.for_any_page
        ):
            return self._push
        return self._requests

    def _take(self, request: web.Request, quota: Quota, sender: str, holder: Holder) -> None:
        state = quota.take(sender, self._clock())
        request[QUOTA_STATE] = state
        if state.wait_ms:
            self._refusals.count(holder.limit)
            raise TooManyRequestsError(
                f"more than {state.limit} requests a minute from this {holder}",
                math.ceil(state.wait_ms / 1000),
            )


def _host_key(request: web.Request) -> str:
    """Return the quota key of a host's or project's key, "" if the request carries none."""
    token = token_of(request.headers) if request.path in _PUSH_PATHS else None
    return f"key {secret_hash(token)}" if token else ""


def _credential_key(principal: Principal) -> str:
    """Return the quota key of the sender's session, token or user, "" for anonymous senders."""
    user = "" if principal.user is None else f"user {principal.user.id}"
    if principal.credential is not None:
        return f"{user} credential {principal.credential.id}"
    return user
