"""Every change is recorded, in one place."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.audit_trail import AuditLog, is_change
from web.http.routing import Handler, route_of

T = TypeVar("T")


def audit(log: AuditLog) -> Middleware:
    """Return the middleware; it stands around the guard, which tells who sends."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = route_of(request)

        async def recorded() -> web.StreamResponse:
            try:
                answer = await handler(request)
            except Exception as exc:
                moved = isinstance(exc, web.HTTPException) and exc.status < 400
                await log.record(request, route, success=moved)
                raise
            await log.record(request, route, success=answer.status < 400)
            return answer

        if route is not None and is_change(route, request.method):
            # The client may leave, and a write that has begun is not undone by that: nobody
            # keeps a change out of the log by hanging up.
            return await to_the_end(recorded())
        return await recorded()

    return middleware


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end even if the caller is cancelled, who then waits for it.

    Raises:
        asyncio.CancelledError: the caller was cancelled; the work is done.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        # What it raised is nobody's any more.
        task.exception()
        raise asyncio.CancelledError
    return task.result()
