"""The exporters of the made-up hosts, which go on from where the filled week ends."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from daemon.demo.hosts import HOSTS, STEP_MS, HostSeries, exposition
from daemon.demo.story import Story
from daemon.errors import DaemonError


class DemoExporterError(DaemonError):
    """The exporters of the made-up hosts cannot run."""


def values_now(series: HostSeries, now_ms: int) -> bytes:
    """Return the exposition of a host at a moment."""
    times_ms = series.grid(now_ms)
    names, values = series.at(times_ms)
    part = (now_ms - times_ms[-2]) / STEP_MS
    return exposition(names, values[:, -2] + part * (values[:, -1] - values[:, -2]))


def free_ports() -> list[int]:
    """Return a free port of 127.0.0.1 for each host."""
    servers = [_server(0) for _ in HOSTS]
    ports = [server.server_port for server in servers]
    for server in servers:
        server.server_close()
    return ports


@contextmanager
def running_exporters(story: Story, ports: Sequence[int]) -> Iterator[None]:
    """Serve every host's metrics on threads while a `with` block runs.

    Raises:
        DemoExporterError: a port is in use.
    """
    servers = []
    try:
        for host, port in zip(HOSTS, ports, strict=True):
            servers.append(_server(port, HostSeries(story, host)))
        for server in servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        for server in servers:
            server.shutdown()
    except OSError as exc:
        raise DemoExporterError(
            f"a demo host cannot listen on its port: {exc.strerror}; fill another directory"
            " with --data-dir"
        ) from exc
    finally:
        for server in servers:
            server.server_close()


def _server(port: int, series: HostSeries | None = None) -> ThreadingHTTPServer:
    class DemoRequestHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert series is not None  # noqa: S101 - only a served host has requests
            body = values_now(series, time.time_ns() // 1_000_000)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the server logs what concerns an operator."""

    return ThreadingHTTPServer(("127.0.0.1", port), DemoRequestHandler)
