"""Refuses requests that another site's page made the visitor's browser send.

Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers".
"""

from aiohttp import web

from web.http.errors import CrossSiteError
from web.http.network import is_own_origin
from web.http.routing import Surface, route_of
from web.settings import WebSettings


def refuse_cross_site(request: web.Request, settings: WebSettings) -> None:
    """Return if the request comes from our own pages or from no browser, else raise.

    Browsers send Sec-Fetch-Site; older browsers, and all over plain http, send Origin. A
    client that sends neither is no browser, so it adds no cookie by itself.

    Raises:
        CrossSiteError: a page of another site sent the request.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("Origin")
    if site is None and origin is None:
        return
    if origin is not None and is_own_origin(request, origin, settings):
        return
    if origin is not None and _is_trusted(request, origin, settings):
        return
    raise CrossSiteError("this request was sent by a page of another site")


def _is_trusted(request: web.Request, origin: str, settings: WebSettings) -> bool:
    """Report whether pages of `origin` may use the session here; never for our own forms."""
    route = route_of(request)
    return (
        route is not None
        and route.surface is not Surface.PAGE
        and settings.cors.opens(request.path)
        and settings.cors.trusts(origin)
    )
