"""A request's id, and the one log line that says how it went."""

import asyncio
import logging
import os
import re

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.failures import CLIENT_CLOSED_REQUEST
from web.http.network import client_address
from web.http.routing import REQUEST_ID, Handler, principal_of, route_name
from web.settings import WebSettings

log = structlog.get_logger(__name__)

HEADER = "X-Request-ID"
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

_QUIET = {
    *("/-/healthy", "/-/ready", "/health", "/api/health", "/metrics", "/static/{path}"),
    *("/api/metrics", "/api/v1/write", "/report"),
    *("/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels"),
    "/api/v1/label/{name}/values",
}
"""Asked for or sent by machines every few seconds: logged at level debug if all is well."""


def journey(settings: WebSettings) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if _ACCEPTED_ID.fullmatch(given) else os.urandom(8).hex()
        request[REQUEST_ID] = request_id
        now_s = asyncio.get_running_loop().time
        started_s = now_s()
        # Each request has a task, and with it a context, of its own.
        structlog.contextvars.bind_contextvars(request_id=request_id)
        # Unless something else happens: the client left before there was an answer.
        status = CLIENT_CLOSED_REQUEST
        try:
            answer = await handler(request)
            status = answer.status
        except web.HTTPException as exc:
            # Redirects are raised; what is wrong has become an answer further in.
            status = exc.status
            raise
        finally:
            route = route_name(request)
            is_quiet = route in _QUIET and 0 < status < 400
            level = logging.DEBUG if is_quiet else logging.INFO
            # What nobody reads is not put together: a tenth of a small query's time.
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
        return answer

    return middleware
