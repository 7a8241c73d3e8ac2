"""Gives each request an id and writes its log line."""

import asyncio
import logging
import os
import re
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.failures import CLIENT_CLOSED_REQUEST
from web.http.network import client_address
from web.http.routing import REQUEST_ID, Handler, principal_of, route_name
from web.settings import WebSettings

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER: Final = "X-Request-ID"
_ACCEPTED_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

_FREQUENT: Final = {
    *("/-/healthy", "/-/ready", "/health", "/api/health", "/metrics", "/static/{path}"),
    *("/api/metrics", "/api/sessions/ingest", "/api/v1/write", "/report"),
    *("/api/v1/track", "/api/v1/track/batch", "/v1/events/batch"),
    *("/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels"),
    "/api/v1/label/{name}/values",
}
"""Routes that programs use every few seconds: successful requests are logged at level debug."""


def request_log(settings: WebSettings) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        is_accepted = given and _ACCEPTED_ID.fullmatch(given)
        request_id = given if is_accepted else os.urandom(8).hex()
        request[REQUEST_ID] = request_id
        now_s = asyncio.get_running_loop().time
        started_s = now_s()
        # Each request has its own task, and with it its own context.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        # The status if the handler is cancelled because the client left.
        status = CLIENT_CLOSED_REQUEST
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as exc:
            # A redirect; the inner middleware turns errors into responses.
            status = exc.status
            raise
        finally:
            route = route_name(request)
            is_debug = route in _FREQUENT and 0 < status < 400
            level = logging.DEBUG if is_debug else logging.INFO
            # Building a line that is then dropped takes a tenth of a small query's time.
            if log.is_enabled_for(level):
                log.log(
                    level,
                    "http_request",
                    method=request.method,
                    route=route,
                    status=status,
                    duration_s=round(now_s() - started_s, 4),
                    user=principal_of(request).name or None,
                    address=client_address(request, settings),
                )
        return response

    return middleware
