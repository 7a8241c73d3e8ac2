"""What the middleware adds to one request: `./run bench middleware_cost`.

A trivial application of each kind is called with and without the middleware, in turns, and the
medians of the turns are compared. Both figures are CPU time, so that a busy host changes them
little: of the request's own thread, and of the whole process with masking, encoding and sending
on the reporter's thread. The batches go to a server on this host.
"""

import argparse
import asyncio
import json
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from redshank_middleware import RequestReporter
from redshank_middleware.aiohttp import ROUTE, reporting
from redshank_middleware.asgi import RedshankASGI
from redshank_middleware.wsgi import RedshankWSGI

_KEY: Final = "rsk_benchmark"

Turn = Callable[[bool, int], None]
"""Serves so many requests, with or without the middleware."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """What one request costs more.

    Attributes:
        request_us: on the thread of the request, which the response waits for.
        cpu_us: of the process's CPU, the reporter's thread included.
    """

    request_us: float
    cpu_us: float


class _Batches(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Accept a batch unread."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


def asgi_turn(reporter: RequestReporter) -> Turn:
    """Return the turn of an ASGI application with route and headers."""
    headers = [(b"host", b"a"), (b"accept", b"*/*"), (b"user-agent", b"x"), (b"cookie", b"y")]

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["path_template"] = "/users/{id}"
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    async def send(_: Any) -> None:
        pass

    watched = RedshankASGI(app, reporter)

    async def serve(application: Any, requests: int) -> None:
        for number in range(requests):
            scope = {
                "type": "http",
                "method": "GET",
                "path": f"/users/{number}",
                "headers": headers,
                "client": ("127.0.0.1", 1),
            }
            await application(scope, send, send)

    return lambda with_it, requests: asyncio.run(serve(watched if with_it else app, requests))


def wsgi_turn(reporter: RequestReporter) -> Turn:
    """Return the turn of a WSGI application."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        environ["redshank.route"] = "/users/{id}"
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"hello"]

    def start(*_: Any) -> Callable[[bytes], None]:
        return lambda _: None

    watched = RedshankWSGI(app, reporter)

    def serve(with_it: bool, requests: int) -> None:
        application: Any = watched if with_it else app
        for number in range(requests):
            environ = {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": f"/users/{number}",
                "REMOTE_ADDR": "127.0.0.1",
            }
            application(environ, start)

    return serve


def aiohttp_turn(reporter: RequestReporter) -> Turn:
    """Return the turn of an aiohttp handler."""
    request = make_mocked_request("GET", "/users/7")
    request[ROUTE] = "/users/{id}"

    async def app(_: Any) -> web.Response:
        return web.Response(text="hello")

    middleware = reporting(reporter)

    async def serve(with_it: bool, requests: int) -> None:
        for _ in range(requests):
            if with_it:
                await middleware(request, app)
            else:
                await app(request)

    return lambda with_it, requests: asyncio.run(serve(with_it, requests))


def measure(requests: int, turns: int) -> dict[str, Overhead]:
    """Return the overhead of each adapter."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Batches)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    for name, turn_of in (("asgi", asgi_turn), ("wsgi", wsgi_turn), ("aiohttp", aiohttp_turn)):
        reporter = RequestReporter(
            f"http://127.0.0.1:{server.server_port}", _KEY, queue_size=requests + 1000
        )
        found[name] = overhead(turn_of(reporter), reporter, requests, turns)
        reporter.close()
    server.shutdown()
    return found


def overhead(turn: Turn, reporter: RequestReporter, requests: int, turns: int) -> Overhead:
    """Return the difference between turns with and without the middleware."""
    times: dict[bool, list[float]] = {True: [], False: []}
    cpus: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(turns):
        for with_it in (False, True):
            cpu_s, started_s = time.process_time(), time.thread_time()
            turn(with_it, requests)
            times[with_it].append(time.thread_time() - started_s)
            reporter.flush(60)
            cpus[with_it].append(time.process_time() - cpu_s)
    per_request_us = 1e6 / requests
    return Overhead(
        (statistics.median(times[True]) - statistics.median(times[False])) * per_request_us,
        (statistics.median(cpus[True]) - statistics.median(cpus[False])) * per_request_us,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="of one turn")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.requests, options.turns)
    if options.json:
        print(json.dumps({name: asdict(each) for name, each in found.items()}))
        return
    print("CPU of one request   on its thread   with the reporter's thread")
    for name, each in found.items():
        print(f"{name:<18} {each.request_us:>12.1f} us   {each.cpu_us:>23.1f} us")


if __name__ == "__main__":
    main()
