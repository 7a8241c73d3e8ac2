"""The adapter for aiohttp's server."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from redshank_middleware.observed_request import ObservedRequest
from redshank_middleware.observer import (
    CLIENT_CLOSED,
    CONSUMER_KEY,
    ROUTE_KEY,
    RequestObserver,
)
from redshank_middleware.reporter import RequestReporter

_KEY: Any = getattr(web, "RequestKey", lambda name, _: name)
"""Older releases of aiohttp have plain texts as keys."""
CONSUMER: Any = _KEY(CONSUMER_KEY, str)
"""The key under which a handler names the consumer: `request[CONSUMER] = "shop"`."""
ROUTE: Any = _KEY(ROUTE_KEY, str)
"""The key under which a handler names the route's template, instead of its resource's."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Consumer = Callable[[web.Request], "str | None"]


def setup(
    app: web.Application, reporter: RequestReporter, consumer: Consumer | None = None
) -> None:
    """Report the requests of an application and of its subapplications.

    Args:
        app: the application; its other middlewares run inside this one.
        reporter: where the requests go.
        consumer: returns the name of the consumer from the request; without it, a handler sets
            `request[CONSUMER]`.
    """
    app.middlewares.insert(0, reporting(reporter, consumer))

    async def flush(_: web.Application) -> None:
        timeout_s = reporter.settings.exit_timeout_s
        await asyncio.get_running_loop().run_in_executor(None, reporter.flush, timeout_s)

    app.on_cleanup.append(flush)


def reporting(reporter: RequestReporter, consumer: Consumer | None = None) -> Middleware:
    """Return the middleware alone."""
    observer = RequestObserver(reporter)

    @web.middleware
    async def report(request: web.Request, handler: Handler) -> web.StreamResponse:
        if observer.skips(request.method, request.path):
            return await handler(request)
        time_s, started_ns = time.time(), time.perf_counter_ns()
        # A streamed body has no size: aiohttp counts headers and chunk sizes with it.
        status, size_bytes = 500, None
        try:
            response = await handler(request)
            status, size_bytes = response.status, response.content_length
        except web.HTTPException as exc:
            status, size_bytes = exc.status, exc.content_length
            raise
        except asyncio.CancelledError:
            status = CLIENT_CLOSED
            raise
        finally:
            duration_ns = time.perf_counter_ns() - started_ns
            # 101: the handler of a WebSocket ends with the connection.
            if status != HTTPStatus.SWITCHING_PROTOCOLS:
                try:
                    reporter.record(
                        _observed(
                            observer, consumer, request, (time_s, status, duration_ns, size_bytes)
                        )
                    )
                except Exception:  # noqa: BLE001
                    # Whatever fails here, the request is answered.
                    reporter.failed("reading an aiohttp request")
        return response

    return report


def _observed(
    observer: RequestObserver,
    consumer: Consumer | None,
    request: web.Request,
    measured: tuple[float, int, int, int | None],
) -> ObservedRequest:
    time_s, status, duration_ns, size_bytes = measured
    named = consumer(request) if consumer else request.get(CONSUMER)
    forwarded = request.headers.get("X-Forwarded-For", "") if observer.reads_forwarded else ""
    match = request.match_info
    resource = match.route.resource
    return ObservedRequest(
        time_s,
        request.method,
        request.path,
        request.get(ROUTE) or (resource.canonical if resource is not None else ""),
        match,
        status,
        duration_ns,
        _received(request),
        size_bytes,
        str(named) if named else "",
        observer.client(request.remote or "", forwarded),
    )


def _received(request: web.Request) -> int | None:
    if request.content_length is not None:
        return request.content_length
    return getattr(request.content, "total_bytes", None) if request.body_exists else 0
