"""Answers browsers that ask whether a page of another origin may send a request."""

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.cors import CorsSettings
from web.http.errors import ForbiddenError
from web.http.routing import ROUTES, Handler, Route, Surface, route_of

_VARY = "Origin"
_VARY_PREFLIGHT = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def preflights(cors: CorsSettings) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        method = request.headers.get("Access-Control-Request-Method")
        if (
            request.method != "OPTIONS"
            or origin is None
            or method is None
            or not cors.opens(request.path)
        ):
            return await handler(request)
        route = await _asked_for(request, method)
        if route is None or route.surface is Surface.PAGE:
            return await handler(request)
        told = cors.preflight_headers(origin, method)
        if not told:
            raise ForbiddenError("pages of this origin may not use the API")
        return web.Response(status=204, headers=told | {"Vary": _VARY_PREFLIGHT})

    return middleware


async def _asked_for(request: web.Request, method: str) -> Route | None:
    """Return the route that the request would be for, None if there is none."""
    match = await request.app.router.resolve(request.clone(method=method))
    resource = match.route.resource
    return None if resource is None else request.app[ROUTES].get((method, resource.canonical))


def lay_origin_headers(
    cors: CorsSettings, request: web.Request, answer: web.StreamResponse
) -> None:
    """Tell a page of another origin whether it may read the answer."""
    if not cors.opens(request.path):
        return
    route = route_of(request)
    is_opened = route is not None and not (
        route.surface is Surface.PAGE or route.path.startswith("/static/")
    )
    if is_opened:
        answer.headers.update(cors.headers(request.headers.get("Origin")))
    if cors.varies and _VARY not in answer.headers.get("Vary", ""):
        before = answer.headers.get("Vary")
        answer.headers["Vary"] = f"{before}, {_VARY}" if before else _VARY
