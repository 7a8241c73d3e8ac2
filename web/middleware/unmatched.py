"""Groups the middlewares that only concern requests which no route matches."""

from functools import partial

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.routing import Answer, Handler


def unmatched(*middlewares: Middleware) -> Middleware:
    """Return a middleware that runs others, the outermost first, around unmatched requests.

    Most requests match a route, and each middleware adds a coroutine to them. `OPTIONS`
    requests match none: no route has this method.
    """

    @web.middleware
    def middleware(request: web.Request, handler: Handler) -> Answer:
        if request.match_info.http_exception is not None:
            for each in reversed(middlewares):
                handler = partial(each, handler=handler)
        return handler(request)

    return middleware
