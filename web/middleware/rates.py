"""Rate limits: by address before anybody is asked who they are, by key after.

The limits are there for programs gone wild and for floods, not for billing: they are
counted in memory and begin anew with each start.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from model.clock import Clock
from web.http.errors import TooManyRequestsError
from web.http.network import client_address, is_control_socket, sender_network
from web.http.quotas import Holder, Quota, Standing
from web.http.routing import Access, Handler, Principal, principal_of, route_of
from web.identity.secret_hashes import secret_hash
from web.identity.tokens import token_of
from web.settings import QuotaSettings, WebSettings

STANDING = web.RequestKey("standing", Standing)
"""What the answer tells of the sender's quota: the key's where there is one."""

_PUSH_PATHS: Final = frozenset({"/report"})
"""Open routes whose handlers know the key: it is a host's, not a user's."""

EXEMPT: Final = frozenset({"/health", "/api/health", "/-/healthy", "/-/ready"})
"""A probe that is refused has the server restarted, which helps nobody."""


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
"""Both quotas that a request is taken out of; absent for who is exempt."""


class RateLimits:
    """Both middlewares, and what they count."""

    def __init__(self, settings: WebSettings, clock: Clock, refusals: Counter[Holder]) -> None:
        """Count for as long as the application lasts; `refusals` is told what is refused."""
        self._settings, self._clock, self._refusals = settings, clock, refusals
        self._requests = _Quotas.of(settings.rate_limits.requests)
        self._push = _Quotas.of(settings.rate_limits.push)

    @web.middleware
    async def by_address(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request for its address; stands before authentication, which costs a look-up."""
        quotas = self._quotas(request)
        if quotas is not None:
            request[_QUOTAS] = quotas
        if quotas is not None and quotas.by_address is not None:
            address = sender_network(client_address(request, self._settings))
            self._take(request, quotas.by_address, address, Holder.ADDRESS)
        return await handler(request)

    @web.middleware
    async def by_key(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request for the session or token that it carries; stands after the guard."""
        quotas = request.get(_QUOTAS)
        if quotas is not None and quotas.by_key is not None:
            key = _key(principal_of(request)) or _host_key(request)
            if key:
                self._take(request, quotas.by_key, key, Holder.KEY)
        return await handler(request)

    def _quotas(self, request: web.Request) -> _Quotas | None:
        if request.path in EXEMPT or is_control_socket(request):
            return None
        route = route_of(request)
        if route is not None and (route.access is Access.PUSH or route.path in _PUSH_PATHS):
            return self._push
        return self._requests

    def _take(self, request: web.Request, quota: Quota, sender: str, holder: Holder) -> None:
        standing = quota.take(sender, self._clock())
        request[STANDING] = standing
        if standing.wait_ms:
            self._refusals[holder] += 1
            raise TooManyRequestsError(
                f"more than {standing.limit} requests a minute from this {holder}",
                math.ceil(standing.wait_ms / 1000),
            )


def _host_key(request: web.Request) -> str:
    """Return what stands for a key that only its handler can judge, "" if there is none."""
    token = token_of(request.headers) if request.path in _PUSH_PATHS else None
    return f"key {secret_hash(token)}" if token else ""


def _key(principal: Principal) -> str:
    """Return what stands for the sender's credential, "" if there is none."""
    user = "" if principal.user is None else f"user {principal.user.id}"
    if principal.credential is not None:
        return f"{user} credential {principal.credential.id}"
    return user
