"""Headers of every answer: what a browser may do with it, and the request's id."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from web.http.routing import REQUEST_ID
from web.http.security_policy import CONTENT_SECURITY_POLICY
from web.middleware.journey import HEADER
from web.middleware.rates import STANDING

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


async def add_headers(request: web.Request, answer: web.StreamResponse) -> None:
    """Lay the headers on an answer that is about to be sent (signal on_response_prepare)."""
    for name, value in SECURITY_HEADERS.items():
        answer.headers.setdefault(name, value)
    # In place of aiohttp's and Python's versions.
    answer.headers["Server"] = "redshank"
    answer.headers.setdefault("Cache-Control", "no-store")
    standing = request.get(STANDING)
    if standing is not None:
        answer.headers.update(standing.headers())
    request_id = request.get(REQUEST_ID)
    if request_id is not None:
        answer.headers[HEADER] = request_id
