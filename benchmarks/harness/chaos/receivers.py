"""Webhook receivers that record every notification, and can hang or fail for a while."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.chaos.judge import Arrival
from benchmarks.harness.chaos.targets import RAISED

Mood = Literal["well", "hanging", "failing"]

_LONGEST_HANG_S = 600.0


class Receivers:
    """Receivers by name at one port: each has the path `/NAME`.

    Attributes:
        arrivals: all notifications so far, in the order of their arrival.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._moods: dict[str, Mood] = {}
        self._released: dict[str, threading.Event] = {}
        self.port = 0

    def set_mood(self, name: str, mood: Mood) -> None:
        """Have a receiver hang, fail or work; held requests then get a 500."""
        self._moods[name] = mood
        self._released.setdefault(name, threading.Event()).set()
        if mood == "hanging":
            self._released[name] = threading.Event()

    def take(self, name: str, body: bytes) -> int:
        """Record the alerts of a notification; return the status to answer."""
        arrived_ms = now_ms()
        mood = self._moods.get(name, "well")
        if mood == "hanging":
            self._released[name].wait(_LONGEST_HANG_S)
        for alert in json.loads(body)["alerts"]:
            self.arrivals.append(arrival(name, alert, arrived_ms, accepted=mood == "well"))
        return 200 if mood == "well" else 500


def arrival(receiver: str, alert: dict[str, Any], arrived_ms: int, accepted: bool) -> Arrival:
    """Return an alert of a webhook's body as the judge sees it."""
    labels = alert["labels"]
    level = alert.get("annotations", {}).get("level", "")
    return Arrival(
        receiver=receiver,
        firing=alert["status"] == "firing",
        alert=labels["alertname"],
        instance=labels.get("instance", ""),
        episode=str(int(level) - RAISED) if level else "",
        identity=alert["startsAt"],
        arrived_ms=arrived_ms,
        accepted=accepted,
    )


@contextmanager
def receiving(host: str) -> Iterator[Receivers]:
    """Serve receivers at a free port while a `with` block runs."""
    receivers = Receivers()

    class HookHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receivers.take(self.path.lstrip("/"), body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    class HookServer(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Log nothing: the client of a hanging receiver goes away."""

    with HookServer((host, 0), HookHandler) as server:
        receivers.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, name="receivers", daemon=True).start()
        try:
            yield receivers
        finally:
            server.shutdown()


def webhook_configuration(names: Sequence[str], host: str, port: int) -> list[dict[str, object]]:
    """Return the receivers for the alerting section of a configuration."""
    return [
        {"name": name, "type": "webhook", "url": f"http://{host}:{port}/{name}"} for name in names
    ]
