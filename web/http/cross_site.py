"""Cross-site requests: refuses what another site's page made a browser send.

Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers".
"""

from aiohttp import web

from web.http.errors import CrossSiteError
from web.http.network import is_own_origin
from web.http.routing import Surface, route_of
from web.settings import WebSettings


def refuse_cross_site(request: web.Request, settings: WebSettings) -> None:
    """Refuse what another site's page made the browser send.

    Browsers tell by Sec-Fetch-Site, older ones and plain http by Origin; who sends
    neither is no browser and carries nobody's cookie unknowingly.

    Raises:
        CrossSiteError: the request is another site's.
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
    """Tell whether pages of `origin` may act with a session here: never by our forms."""
    route = route_of(request)
    return (
        route is not None
        and route.surface is not Surface.PAGE
        and settings.cors.opens(request.path)
        and settings.cors.trusts(origin)
    )
