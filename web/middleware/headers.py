"""Adds the headers of every response: security, quota and request id."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from multidict import istr

from web.http.routing import REQUEST_ID
from web.http.security_policy import CONTENT_SECURITY_POLICY
from web.middleware.rate_limits import QUOTA_STATE
from web.middleware.request_log import REQUEST_ID_HEADER

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with it browsers send "Origin: null" for our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

ALL_RESPONSES: Final[Mapping[str, str]] = {
    **SECURITY_HEADERS,
    "Cache-Control": "no-store",
    # Hides the versions of aiohttp and Python.
    "Server": "redshank",
}
"""Also the headers of answers that never reach the application."""

_SERVER: Final = istr("Server")
# `istr` is in lower case once, not for each response.
_DEFAULTS: Final = tuple(
    (istr(name), value) for name, value in ALL_RESPONSES.items() if name != _SERVER
)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to a response about to be sent (signal `on_response_prepare`)."""
    headers = response.headers
    for name, value in _DEFAULTS:
        headers.setdefault(name, value)
    headers[_SERVER] = ALL_RESPONSES[_SERVER]
    state = request.get(QUOTA_STATE)
    if state is not None:
        headers.update(state.headers())
    request_id = request.get(REQUEST_ID)
    if request_id is not None:
        headers[REQUEST_ID_HEADER] = request_id
