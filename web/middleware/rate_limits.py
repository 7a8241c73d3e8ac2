"""Rate limits: by address before authentication, by session or token after it.

The limits stop floods and programs gone wild; they do not bill. The counts are in memory
and start again with the server.
"""

from functools import partial
from typing import Final

from aiohttp import web

from web.http.network import client_address, is_control_socket
from web.http.quotas import Holder, Quotas, QuotaState, quota_key
from web.http.routing import Access, Answer, Handler, principal_of, route_of
from web.identity.secret_hashes import secret_hash
from web.identity.tokens import token_of
from web.settings import WebSettings

QUOTA_STATE = web.RequestKey("quota_state", QuotaState)
"""The sender's quota for the response headers: the key's if the request has one."""

_PUSH_PATHS: Final = frozenset({"/report", "/api/v1/track", "/api/v1/track/batch"})
"""Public routes whose handlers check the key: it belongs to a host or project, not to a user.

Routes for any page have the project's key in the body; `web.events.collection` counts it.
"""

EXEMPT: Final = frozenset({"/health", "/api/health", "/-/healthy", "/-/ready"})
"""Health probes: a refused one would make the orchestrator restart the server."""


_QUOTAS = web.RequestKey("quotas", Quotas)
"""The quotas that a request counts against; absent for an exempt request."""


class RateLimits:
    """The two middlewares.

    Args:
        settings: which proxies are trusted.
        requests: the quotas of all routes but those that take pushes.
        push: the quotas of routes that take pushes.
    """

    def __init__(self, settings: WebSettings, requests: Quotas, push: Quotas) -> None:
        self._settings, self._requests, self._push = settings, requests, push

    @web.middleware
    def by_address(self, request: web.Request, handler: Handler) -> Answer:
        """Count a request for its address, before authentication reads the database."""
        quotas = self._quotas(request)
        if quotas is not None:
            request[_QUOTAS] = quotas
            address = client_address(request, self._settings)
            quotas.take(Holder.ADDRESS, address, partial(_keep, request))
        return handler(request)

    @web.middleware
    def by_key(self, request: web.Request, handler: Handler) -> Answer:
        """Count a request for its session or token; runs inside the guard."""
        quotas = request.get(_QUOTAS)
        if quotas is not None:
            key = quota_key(principal_of(request)) or _host_key(request)
            quotas.take(Holder.KEY, key, partial(_keep, request))
        return handler(request)

    def _quotas(self, request: web.Request) -> Quotas | None:
        if request.path in EXEMPT or is_control_socket(request):
            return None
        route = route_of(request)
        if route is not None and (
            route.access is Access.PUSH or route.path in _PUSH_PATHS or route.for_any_page
        ):
            return self._push
        return self._requests


def _keep(request: web.Request, state: QuotaState) -> None:
    request[QUOTA_STATE] = state


def _host_key(request: web.Request) -> str:
    """Return the quota key of a host's or project's key, "" if the request carries none."""
    token = token_of(request.headers) if request.path in _PUSH_PATHS else None
    return f"key {secret_hash(token)}" if token else ""
