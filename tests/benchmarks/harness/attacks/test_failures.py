"""Requests that a server must refuse: an answer of another kind is a failure."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import pytest

from benchmarks.harness.attacks.failures import FailingLoad, failing_requests


class AnsweringServer:
    """A server that answers every request with one status."""

    def __init__(self, status: int) -> None:
        server = self

        class OneStatus(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.authorized.append("Authorization" in self.headers)
                self.send_response(status)
                self.end_headers()

            do_GET = do_POST = answer  # noqa: N815 - names of the base class

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.authorized: list[bool] = []
        self._server = HTTPServer(("127.0.0.1", 0), OneStatus)
        self.listen = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer x"}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[AnsweringServer]:
    one = AnsweringServer(request.param)
    yield one
    one.stop()


def asked(server: AnsweringServer) -> FailingLoad:
    load = FailingLoad(cast("Any", server))
    for _ in failing_requests(time.time()):
        load.ask()
    return load


@pytest.mark.parametrize("server", [400, 422, 503], indirect=True)
def test_refused_requests_are_counted(server: AnsweringServer) -> None:
    load = asked(server)
    names = [one.name for one in failing_requests(time.time())]
    assert load.failures == []
    assert load.refused == dict.fromkeys(names, 1)
    assert server.authorized.count(False) == 2


@pytest.mark.parametrize("server", [200, 204, 500], indirect=True)
def test_request_that_is_not_refused_is_a_failure(server: AnsweringServer) -> None:
    load = asked(server)
    assert len(load.failures) == len(failing_requests(time.time()))
    assert load.failures[0].startswith("too many samples: answered ")
    assert not load.refused


def test_server_that_does_not_answer_is_a_failure() -> None:
    server = AnsweringServer(400)
    server.stop()
    assert len(asked(server).failures) == len(failing_requests(time.time()))
