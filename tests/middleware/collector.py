"""A server that takes batches as Redshank does, and fails on demand."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 60.0


@dataclass
class Collector:
    """What has arrived, and how the next batches are answered.

    `answers` has a status and headers for each batch; afterwards all are accepted. A status of 0
    closes the connection without an answer.
    """

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    attempts: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [one for body in self.bodies for one in body["requests"]]

    def wait_for(self, requests: int) -> list[dict[str, Any]]:
        """Return the requests as soon as so many have arrived."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.requests) >= requests, PATIENCE_S)
        assert arrived, f"{len(self.requests)} of {requests} requests arrived"
        return self.requests

    def wait_for_attempts(self, attempts: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.attempts >= attempts, PATIENCE_S)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector on a free port."""
    found = Collector()

    class Batches(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with found.changed:
                found.attempts += 1
                status, headers = found.answers.pop(0) if found.answers else (202, {})
                if status == 202:
                    assert self.path == "/api/v1/track/batch"
                    found.bodies.append(json.loads(gzip.decompress(body)))
                    found.headers.append(dict(self.headers))
                found.changed.notify_all()
            if status == 0:
                self.close_connection = True
                return
            answer = json.dumps({"errors": found.refused}).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Batches)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
