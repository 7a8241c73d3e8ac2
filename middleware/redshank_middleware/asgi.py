"""The adapter for ASGI: Starlette, FastAPI, Litestar, Quart, Django."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from redshank_middleware.observed_request import ObservedRequest
from redshank_middleware.observer import (
    CLIENT_CLOSED,
    CONSUMER_KEY,
    ROUTE_KEY,
    RequestObserver,
    length_of,
)
from redshank_middleware.reporter import RequestReporter
from redshank_middleware.route_templates import from_parameters

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Consumer = Callable[[Scope], "str | None"]

_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
_SHUTDOWN: Final = frozenset({"lifespan.shutdown.complete", "lifespan.shutdown.failed"})


class RedshankASGI:
    """Reports the requests of an ASGI application.

    Starlette and FastAPI: `app.add_middleware(RedshankASGI, reporter=reporter)`; it should be
    the last that is added, so that it sees all requests.

    Args:
        app: the application.
        reporter: where the requests go.
        consumer: returns the name of the consumer from the scope; without it, the application
            sets `scope["redshank.consumer"]`.
    """

    def __init__(
        self, app: Application, reporter: RequestReporter, consumer: Consumer | None = None
    ) -> None:
        self._app, self._consumer = app, consumer
        self._observer = RequestObserver(reporter)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        if scope["type"] == "lifespan":
            send = self._flushing(send)
        elif scope["type"] == "http" and not self._observer.skips(scope["method"], scope["path"]):
            exchange = _Exchange(self._observer, self._consumer, scope, receive, send)
            try:
                await self._app(scope, exchange.receive, exchange.send)
            except asyncio.CancelledError:
                exchange.end(CLIENT_CLOSED)
                raise
            except BaseException:
                exchange.end(500)
                raise
            exchange.end(500)
            return
        await self._app(scope, receive, send)

    def _flushing(self, send: Send) -> Send:
        """Send what waits before the server ends: uvicorn ends by a signal, without `atexit`."""
        reporter = self._observer.reporter

        async def flush_and_send(message: Message) -> None:
            if message["type"] in _SHUTDOWN:
                await _in_thread(reporter.flush, reporter.settings.exit_timeout_s)
            await send(message)

        return flush_and_send


class _Exchange:
    """One request and its response.

    The response ends with its last body message, not with the application: frameworks run
    background tasks after it.
    """

    __slots__ = (
        "_consumer", "_counts_body", "_is_over", "_observer", "_original_receive",
        "_original_send", "_received", "_root_path", "_scope", "_sent", "_started_ns",
        "_status", "_time_s", "receive",
    )  # fmt: skip

    def __init__(
        self,
        observer: RequestObserver,
        consumer: Consumer | None,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._time_s, self._started_ns = time.time(), time.perf_counter_ns()
        self._observer, self._consumer, self._scope = observer, consumer, scope
        self._original_receive, self._original_send = receive, send
        self._root_path = scope.get("root_path", "")
        self._status = self._sent = 0
        self._is_over = False
        self._received = length_of(_header(scope, b"content-length"))
        self.receive = receive
        if self._received is None:
            self._received = 0
            if scope["method"] not in _WITHOUT_BODY:
                self.receive = self._counting_receive

    async def _counting_receive(self) -> Message:
        message = await self._original_receive()
        if message["type"] == "http.request":
            self._received = (self._received or 0) + len(message.get("body", b""))
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message; no coroutine of its own, which would cost a microsecond."""
        kind = message["type"]
        if kind == "http.response.body":
            self._sent += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.end(500)
        elif kind == "http.response.start":
            self._status = message["status"]
        elif kind == "http.response.pathsend":
            self.end(500)
        return self._original_send(message)

    def end(self, default_status: int) -> None:
        """Report the request, once.

        Args:
            default_status: the status if the response has not begun.
        """
        if self._is_over:
            return
        self._is_over = True
        try:
            self._report(time.perf_counter_ns() - self._started_ns, self._status or default_status)
        except Exception:  # noqa: BLE001
            # Whatever fails here, the request is answered.
            self._observer.reporter.failed("reading an ASGI request")

    def _report(self, duration_ns: int, status: int) -> None:
        scope, observer = self._scope, self._observer
        consumer = self._consumer(scope) if self._consumer else scope.get(CONSUMER_KEY)
        peer = scope.get("client")
        forwarded = _header(scope, b"x-forwarded-for") if observer.reads_forwarded else None
        observer.reporter.record(
            ObservedRequest(
                self._time_s,
                scope["method"],
                scope["path"],
                _template(scope, self._root_path),
                scope.get("path_params"),
                status,
                duration_ns,
                self._received,
                self._sent,
                str(consumer) if consumer else "",
                observer.client(str(peer[0]) if peer else "", forwarded or ""),
            )
        )


def _header(scope: Scope, wanted: bytes) -> str | None:
    value: bytes
    for name, value in scope.get("headers", ()):
        if name == wanted:
            return value.decode("latin-1")
    return None


def _template(scope: Scope, root_path: str) -> str:
    """Return the template of the route, "" if the framework does not name it.

    Starlette and FastAPI set `route`, whose template is relative to the mounts above it, and
    append the path of each mount to `root_path`. Litestar sets `path_template`.
    """
    named = scope.get(ROUTE_KEY) or scope.get("path_template")
    if named:
        return str(named)
    route = scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    if not isinstance(template, str):
        return ""
    mounts: str = scope.get("root_path", "").removeprefix(root_path)
    if hasattr(route, "routes") and not hasattr(route, "methods"):
        # The route is a mount itself: files, or an application without routes.
        mounts = mounts.removesuffix(getattr(route, "path", ""))
    if mounts:
        mounts = from_parameters(mounts, scope.get("path_params") or {})
    return mounts + template


async def _in_thread(function: Callable[[float], object], argument: float) -> None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # Another library's loop, such as Trio's; nothing else runs at the end of the server.
        function(argument)
        return
    await loop.run_in_executor(None, function, argument)
