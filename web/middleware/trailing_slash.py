"""Redirects a URL that ends with a slash to the route without it."""

from http import HTTPStatus

from aiohttp import web

from web.http.routing import SAFE_METHODS, Handler


@web.middleware
async def trailing_slash(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Redirect to the URL without its last slash if only that is a route."""
    location = await _without_slash(request)
    if location is None:
        return await handler(request)
    # 308 keeps method and body; clients know 301 longer.
    is_safe = request.method in SAFE_METHODS
    status = HTTPStatus.MOVED_PERMANENTLY if is_safe else HTTPStatus.PERMANENT_REDIRECT
    return web.Response(status=status, headers={"Location": location})


async def _without_slash(request: web.Request) -> str | None:
    path = request.rel_url.raw_path
    if request.match_info.route.resource is not None or not path.endswith("/"):
        return None
    shorter = path[:-1]
    # `//host` would be another site's address.
    if not shorter.startswith("/") or shorter.startswith("//") or "\\" in shorter:
        return None
    url = request.rel_url.with_path(shorter, encoded=True, keep_query=True)
    match = await request.app.router.resolve(request.clone(rel_url=url))
    return str(url) if match.route.resource is not None else None
