"""WSGI applications behind wsgiref's server."""

import io
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper

import pytest

from redshank_middleware import RequestReporter
from redshank_middleware.wsgi import Environ, RedshankWSGI, StartResponse
from tests.middleware.collector import PATIENCE_S, Collector


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(application: RedshankWSGI) -> Iterator[str]:
    """Serve a WSGI application; yield its address."""
    server = make_server("127.0.0.1", 0, application, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(
    status: str = "200 OK",
    body: Callable[[], Iterable[bytes]] = lambda: [b"hello"],
    **changes: Any,
) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ.update(changes)
        start_response(status, [("Content-Type", "text/plain")])
        if "werkzeug.request" in environ:
            # As Flask does before it returns, against circular references.
            environ["werkzeug.request"] = None
        return body()

    return application


def fetch(url: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, data, timeout=PATIENCE_S) as response:
        found: bytes = response.read()
        return found


def test_a_request_is_reported_with_sizes_and_without_its_query(
    reporter: RequestReporter, arrived: Collector
) -> None:
    with served(RedshankWSGI(answering("201 Created"), reporter)) as url:
        assert fetch(f"{url}/orders?token=abc", b"1234") == b"hello"
    (one,) = arrived.wait_for(1)
    assert one["method"] == "POST"
    assert one["path"] == one["route"] == "/orders"
    assert (one["status_code"], one["request_size"], one["response_size"]) == (201, 4, 5)


def test_a_streamed_body_is_counted_and_closed(
    reporter: RequestReporter, arrived: Collector
) -> None:
    closed = threading.Event()

    def parts() -> Iterator[bytes]:
        try:
            yield b"he"
            yield b"llo"
        finally:
            closed.set()

    with served(RedshankWSGI(answering(body=parts), reporter)) as url:
        assert fetch(url) == b"hello"
    assert arrived.wait_for(1)[0]["response_size"] == 5
    assert closed.is_set()


def test_servers_send_files_themselves(reporter: RequestReporter) -> None:
    body = FileWrapper(io.BytesIO(b"hello"))
    environ = {"wsgi.file_wrapper": FileWrapper, "wsgi.input": io.BytesIO()}
    watched = RedshankWSGI(answering(body=lambda: body), reporter)
    assert watched(environ, lambda *_: lambda _: None) is body


@pytest.mark.parametrize(
    ("left", "path", "route"),
    [
        (
            {
                "werkzeug.request": SimpleNamespace(
                    url_rule=SimpleNamespace(rule="/users/<int:id>"), view_args={"id": 7}
                )
            },
            "/users/7",
            "/users/{id}",
        ),
        ({"bottle.route": SimpleNamespace(rule="/users/<id>")}, "/users/7", "/users/{id}"),
        ({"wsgiorg.routing_args": ((), {"id": "7"})}, "/users/7", "/users/{id}"),
        ({"redshank.route": "/users/{id}"}, "/users/7", "/users/{id}"),
        ({}, "/users/7", "/users/7"),
        ({}, "/users/J%C3%BCrgen", "/users/Jürgen"),
    ],
    ids=["flask", "bottle", "wsgi.org", "own", "none", "utf-8"],
)
def test_the_route_is_the_template_that_the_framework_leaves(
    reporter: RequestReporter, arrived: Collector, left: Any, path: str, route: str
) -> None:
    with served(RedshankWSGI(answering(**left), reporter)) as url:
        fetch(url + path)
    assert arrived.wait_for(1)[0]["route"] == route


def test_an_exception_is_reported_as_500_and_raised(
    reporter: RequestReporter, arrived: Collector
) -> None:
    def failing(_: Environ, __: StartResponse) -> Iterable[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        RedshankWSGI(failing, reporter)({"PATH_INFO": "/"}, lambda *_: lambda _: None)
    assert arrived.wait_for(1)[0]["status_code"] == 500


def test_a_body_that_fails_is_reported_and_raised(
    reporter: RequestReporter, arrived: Collector
) -> None:
    def parts() -> Iterator[bytes]:
        yield b"he"
        raise ZeroDivisionError

    application = RedshankWSGI(answering(body=parts), reporter)
    body = application({"PATH_INFO": "/", "wsgi.input": io.BytesIO()}, lambda *_: lambda _: None)
    with pytest.raises(ZeroDivisionError):
        list(body)
    assert arrived.wait_for(1)[0]["response_size"] == 2


def test_not_found_shares_one_route(reporter: RequestReporter, arrived: Collector) -> None:
    with served(RedshankWSGI(answering("404 Not Found"), reporter)) as url:
        with pytest.raises(HTTPError) as raised:
            fetch(f"{url}/wp-login.php")
        raised.value.close()
    assert arrived.wait_for(1)[0]["route"] == "(not found)"


def test_a_failing_function_of_the_user_does_not_fail_the_request(
    reporter: RequestReporter,
) -> None:
    def consumer(_: Environ) -> str:
        raise KeyError("no such header")

    with served(RedshankWSGI(answering(), reporter, consumer)) as url:
        assert fetch(url) == b"hello"
    assert reporter.counts.failed == 1


def test_the_client_is_the_entry_that_the_own_proxy_appended(arrived: Collector) -> None:
    reporter = RequestReporter(arrived.url, "rsk_key", flush_interval_s=0.01, proxies=1)
    # The client has sent the first entry itself.
    environ = {
        "PATH_INFO": "/",
        "wsgi.input": io.BytesIO(),
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7",
    }
    RedshankWSGI(answering(), reporter)(environ, lambda *_: lambda _: None)
    assert arrived.wait_for(1)[0]["ip_address"] == "203.0.113.7"
    reporter.close()
