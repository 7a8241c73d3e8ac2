"""Answers `OPTIONS` requests with the methods of the URL."""

from http import HTTPStatus

from aiohttp import web

from web.http.routing import Handler


@web.middleware
async def options(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer an `OPTIONS` request of a known URL; pass on all others.

    It needs no login: the API document names the methods as well. Preflights, which have
    an `Origin`, are not answered here but by `cors.preflights`.
    """
    error = request.match_info.http_exception
    if (
        request.method != "OPTIONS"
        or "Origin" in request.headers
        or not isinstance(error, web.HTTPMethodNotAllowed)
    ):
        return await handler(request)
    allowed = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
