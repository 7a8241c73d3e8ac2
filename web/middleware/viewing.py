"""Sets the view of the reader before a page is made: language, zone and theme."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from web.http.routing import Surface, route_of
from web.http.viewing.readers import ReaderViews


def viewing(views: ReaderViews) -> Middleware:
    """Return the middleware; other surfaces than pages are the same in every language."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request)
        if route is not None and route.surface is not Surface.PAGE:
            return await handler(request)
        async with views.of(request):
            return await handler(request)

    return middleware
