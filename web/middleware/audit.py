"""Every change is recorded, in one place."""

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.audit import AuditLog
from web.routing import Handler, route_of


def audit(log: AuditLog) -> Middleware:
    """Return the middleware; it stands around the guard, which tells who sends."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request)
        try:
            answer = await handler(request)
        except Exception as exc:
            moved = isinstance(exc, web.HTTPException) and exc.status < 400
            await log.record(request, route, success=moved)
            raise
        await log.record(request, route, success=answer.status < 400)
        return answer

    return middleware
