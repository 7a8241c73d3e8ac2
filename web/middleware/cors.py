"""Cross-origin requests: answers preflights and adds the `Access-Control-*` headers.

Routes for any page are open to all origins whatever the settings are, without credentials.

Source: WHATWG Fetch standard, "CORS protocol".
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.errors import ForbiddenError
from web.http.routing import ROUTES, Handler, Route, Surface, route_of
from web.settings import ANY_ORIGIN, CorsSettings

_VARY: Final = "Origin"
_VARY_PREFLIGHT: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

_EXPOSED_HEADERS: Final = ", ".join(
    (
        "X-Request-ID",
        "Location",
        "Retry-After",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "RateLimit-Policy",
    )
)
"""Response headers that a script may read in addition to the CORS-safelisted ones."""

_REQUEST_HEADERS: Final = ", ".join(
    ("Authorization", "Content-Type", "Content-Encoding", "X-API-Key", "X-Request-ID")
)

_HEADERS_FOR_ANY_PAGE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
    # Otherwise browsers refuse a script of ours to another site's page.
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT_OF_ANY_PAGE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": _REQUEST_HEADERS,
    "Access-Control-Max-Age": "86400",
}


def preflights(cors: CorsSettings) -> Middleware:
    """Return the middleware, which answers preflight requests."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        method = request.headers.get("Access-Control-Request-Method")
        if request.method != "OPTIONS" or origin is None or method is None:
            return await handler(request)
        route = await _requested_route(request, method)
        if route is not None and route.for_any_page:
            return web.Response(status=204, headers=_PREFLIGHT_OF_ANY_PAGE | {"Vary": "Origin"})
        if route is None or route.surface is Surface.PAGE or not cors.opens(request.path):
            return await handler(request)
        headers = _preflight_headers(cors, origin, method)
        if not headers:
            raise ForbiddenError("pages of this origin may not use the API")
        return web.Response(status=204, headers=headers | {"Vary": _VARY_PREFLIGHT})

    return middleware


async def _requested_route(request: web.Request, method: str) -> Route | None:
    """Return the route of the request that the preflight announces, None if there is none."""
    match = await request.app.router.resolve(request.clone(method=method))
    resource = match.route.resource
    return None if resource is None else request.app[ROUTES].get((method, resource.canonical))


def add_cors_headers(
    cors: CorsSettings, request: web.Request, response: web.StreamResponse
) -> None:
    """Add the headers by which a page of another origin may read the response."""
    route = route_of(request)
    if route is not None and route.for_any_page:
        response.headers.update(_HEADERS_FOR_ANY_PAGE)
        return
    if not cors.opens(request.path):
        return
    is_api = route is not None and not (
        route.surface is Surface.PAGE or route.path.startswith("/static/")
    )
    if is_api:
        response.headers.update(response_headers(cors, request.headers.get("Origin")))
    varies = ANY_ORIGIN not in cors.origins
    if varies and _VARY not in response.headers.get("Vary", ""):
        before = response.headers.get("Vary")
        response.headers["Vary"] = f"{before}, {_VARY}" if before else _VARY


def response_headers(cors: CorsSettings, origin: str | None) -> dict[str, str]:
    """Return the headers of a response to a page of `origin`, none if it is not allowed."""
    if origin is None or not cors.allows(origin):
        return {}
    allowed = ANY_ORIGIN if ANY_ORIGIN in cors.origins else origin
    headers = {
        "Access-Control-Allow-Origin": allowed,
        "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
    }
    if cors.credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    return headers


def _preflight_headers(cors: CorsSettings, origin: str, method: str) -> dict[str, str]:
    headers = response_headers(cors, origin)
    if headers:
        del headers["Access-Control-Expose-Headers"]
        headers |= {
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(cors.max_age_s),
        }
    return headers
