"""Records every change in the audit log, for all routes in one place."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.audit_trail import AuditLog, is_change
from web.http.routing import Answer, Handler, route_of

T = TypeVar("T")


def audit(log: AuditLog) -> Middleware:
    """Return the middleware; the guard runs inside it and identifies the sender."""

    @web.middleware
    def middleware(request: web.Request, handler: Handler) -> Answer:
        route = route_of(request)
        if route is not None and is_change(route, request.method):
            # A client that disconnects does not undo a write that has begun, so it must
            # not keep the write out of the log either.
            return run_to_completion(_recorded(log, request, handler))
        return _recorded(log, request, handler)

    return middleware


async def _recorded(log: AuditLog, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except Exception as exc:
        redirects = isinstance(exc, web.HTTPException) and exc.status < 400
        await log.record(request, success=redirects)
        raise
    await log.record(request, success=response.status < 400)
    return response


async def run_to_completion(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end even if the caller is cancelled, and return its result.

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
        # Retrieve the exception, or asyncio logs it as never retrieved.
        task.exception()
        raise asyncio.CancelledError
    return task.result()
