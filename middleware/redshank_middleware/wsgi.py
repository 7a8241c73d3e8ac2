"""The adapter for WSGI: Flask, Django, Bottle, Pyramid."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from redshank_middleware.observed_request import ObservedRequest
from redshank_middleware.observer import CONSUMER_KEY, ROUTE_KEY, RequestObserver, length_of
from redshank_middleware.reporter import RequestReporter

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Consumer = Callable[[Environ], "str | None"]


class RedshankWSGI:
    """Reports the requests of a WSGI application.

    Flask: `app.wsgi_app = RedshankWSGI(app.wsgi_app, reporter)`; Django:
    `application = RedshankWSGI(get_wsgi_application(), reporter)`.

    Args:
        app: the application.
        reporter: where the requests go.
        consumer: returns the name of the consumer from the environ; without it, the application
            sets `environ["redshank.consumer"]`.
    """

    def __init__(
        self, app: Application, reporter: RequestReporter, consumer: Consumer | None = None
    ) -> None:
        self._app, self._consumer = app, consumer
        self._observer = RequestObserver(reporter)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the application."""
        method = environ.get("REQUEST_METHOD", "GET")
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if self._observer.skips(method, path):
            return self._app(environ, start_response)
        answer = _Answer(self._observer, self._consumer, environ, path, start_response)
        try:
            body = self._app(environ, answer.start)
        except BaseException:
            answer.end(None)
            raise
        if isinstance(body, list | tuple):
            # Servers derive the Content-Length from a body of one part.
            answer.end(sum(map(len, body)))
            return body
        if _is_file(body, environ):
            # Servers send files by the kernel, if the body is their own wrapper.
            answer.end(answer.declared_bytes)
            return body
        return _WatchedBody(body, answer)


class _Answer:
    """One request and the beginning of its response."""

    __slots__ = (
        "_consumer", "_environ", "_is_over", "_observer", "_path", "_route",
        "_start_response", "_started_ns", "_status", "_time_s", "declared_bytes",
    )  # fmt: skip

    def __init__(
        self,
        observer: RequestObserver,
        consumer: Consumer | None,
        environ: Environ,
        path: str,
        start_response: StartResponse,
    ) -> None:
        self._time_s, self._started_ns = time.time(), time.perf_counter_ns()
        self._observer, self._consumer, self._environ = observer, consumer, environ
        self._path, self._start_response = path, start_response
        self._status = ""
        self._route: tuple[str, Mapping[str, Any] | None] = ("", None)
        self._is_over = False
        self.declared_bytes: int | None = None

    def start(
        self, status: str, headers: list[tuple[str, str]], *exc_info: Any
    ) -> Callable[[bytes], object]:
        """Begin the response."""
        self._status = status
        try:
            # Flask forgets its request before the application returns.
            self._route = _route(self._environ)
        except Exception:  # noqa: BLE001
            self._observer.reporter.failed("reading the route of a WSGI request")
        for name, value in headers:
            if name.lower() == "content-length":
                self.declared_bytes = length_of(value)
        return self._start_response(status, headers, *exc_info)

    def end(self, size_bytes: int | None) -> None:
        """Report the request, once."""
        if self._is_over:
            return
        self._is_over = True
        try:
            self._report(time.perf_counter_ns() - self._started_ns, size_bytes)
        except Exception:  # noqa: BLE001
            # Whatever fails here, the request is answered.
            self._observer.reporter.failed("reading a WSGI request")

    def _report(self, duration_ns: int, size_bytes: int | None) -> None:
        environ, observer = self._environ, self._observer
        consumer = self._consumer(environ) if self._consumer else environ.get(CONSUMER_KEY)
        path = self._path
        if not path.isascii():
            # WSGI's texts are bytes in Latin-1.
            path = path.encode("latin-1", "replace").decode("utf-8", "replace")
        received = length_of(environ.get("CONTENT_LENGTH"))
        if received is None and not environ.get("HTTP_TRANSFER_ENCODING"):
            received = 0
        template, parameters = self._route
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if observer.reads_forwarded else ""
        observer.reporter.record(
            ObservedRequest(
                self._time_s,
                environ.get("REQUEST_METHOD", "GET"),
                path,
                template,
                parameters,
                int(self._status[:3] or 500),
                duration_ns,
                received,
                size_bytes,
                str(consumer) if consumer else "",
                observer.client(environ.get("REMOTE_ADDR", ""), forwarded),
            )
        )


class _WatchedBody:
    """A body that reports the request after its last part."""

    __slots__ = ("_answer", "_body", "_parts", "_size_bytes")

    def __init__(self, body: Iterable[bytes], answer: _Answer) -> None:
        self._body, self._answer = body, answer
        self._parts: Iterator[bytes] | None = None
        self._size_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = iter(self._body)
            part = next(self._parts)
        except BaseException:
            # The end as well as a failure.
            self._answer.end(self._size_bytes)
            raise
        self._size_bytes += len(part)
        return part

    def close(self) -> None:
        """Close the application's body; servers call this also when the client went away."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._answer.end(self._size_bytes)


def _is_file(body: object, environ: Environ) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def _route(environ: Environ) -> tuple[str, Mapping[str, Any] | None]:
    """Return the template of the route, or the parameters that the framework names.

    Werkzeug (Flask) leaves its request in the environ, Bottle its route. Pyramid and others
    follow the convention of wsgi.org.
    """
    if ROUTE_KEY in environ:
        return str(environ[ROUTE_KEY]), None
    request = environ.get("werkzeug.request")
    rule = getattr(request, "url_rule", None) if request is not None else None
    if rule is not None:
        return environ.get("SCRIPT_NAME", "") + rule.rule, getattr(request, "view_args", None)
    bottle = environ.get("bottle.route")
    if bottle is not None:
        return environ.get("SCRIPT_NAME", "") + bottle.rule, environ.get("route.url_args")
    named = environ.get("wsgiorg.routing_args")
    return "", named[1] if named else None
