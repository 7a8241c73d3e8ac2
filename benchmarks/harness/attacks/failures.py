"""Requests that a server must refuse, and that must leave nothing behind in it."""

import http.client
import json
import struct
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import cramjam

from benchmarks.harness.contenders.contender import Contender
from benchmarks.harness.contenders.query_paths import instant_path, range_path
from benchmarks.harness.load.remote_write_format import WRITE_HEADERS, label, message_field, varint

_TIMEOUT_S = 150.0
_JSON = {"Content-Type": "application/json"}
_YEAR_S = 365 * 86_400
# The label has half a gigabyte: a server without a limit survives.
_LEVELS = 26


@dataclass(frozen=True, slots=True)
class FailingRequest:
    """A request that must be refused with a status of 400 to 499, or 503."""

    name: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False


def failing_requests(now_s: float) -> list[FailingRequest]:
    """Return one request of each kind."""
    queries = {
        "too many samples": "sum_over_time(vector(1)[568d:1s])",
        "no PromQL": "sum(rate(",
        "many to many": "node_cpu_seconds_total * on () node_cpu_seconds_total",
        "bad pattern": "{__name__=~'('}",
        "labels that double": doubling_labels(_LEVELS),
    }
    requests = [FailingRequest(name, instant_path(query, now_s)) for name, query in queries.items()]
    year = range_path("node_load1", now_s - _YEAR_S, now_s, 1)
    requests.append(FailingRequest("too many steps", year))
    old_ms, ahead_ms = round((now_s - _YEAR_S) * 1000), round((now_s + _YEAR_S) * 1000)
    bodies = {
        "no snappy": b"not snappy at all" * 100,
        "no protobuf": bytes(cramjam.snappy.compress_raw(b"\xff" * 1000)),
        "no name": _written({"a": "b"}, round(now_s * 1000)),
        "years ahead": _written({"__name__": "soak_refused"}, ahead_ms),
        "repeated label": _repeated_label(old_ms),
    }
    requests += [
        FailingRequest(name, "/api/v1/write", body, WRITE_HEADERS) for name, body in bodies.items()
    ]
    message = json.dumps({"message_id": "soak", "metrics": [{"metric_name": 1}] * 1000}).encode()
    requests += [
        FailingRequest("no message", "/api/metrics", message, _JSON),
        FailingRequest("no JSON", "/api/metrics", b"{" * 100_000, _JSON),
        FailingRequest("no login", "/api/v1/write", b"x" * 1000, WRITE_HEADERS, anonymous=True),
        FailingRequest(
            "no password", "/auth/token", b'{"username":"nobody"}', _JSON, anonymous=True
        ),
    ]
    return requests


class FailingLoad:
    """Sends requests that must be refused, one after the other.

    Attributes:
        refused: how many were refused, by their names.
        failures: requests that were answered otherwise.
    """

    def __init__(self, server: Contender) -> None:
        self._listen, self._headers = server.listen, server.headers()
        self._sent = 0
        self.refused: Counter[str] = Counter()
        self.failures: list[str] = []

    def ask(self) -> None:
        """Send the next request."""
        requests = failing_requests(time.time())
        request = requests[self._sent % len(requests)]
        self._sent += 1
        try:
            status, answer = self._send(request)
        except OSError as exc:
            self.failures.append(f"{request.name}: {exc}")
            return
        if 400 <= status < 500 or status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            self.refused[request.name] += 1
        else:
            self.failures.append(f"{request.name}: answered {status} {answer[:200]!r}")

    def _send(self, request: FailingRequest) -> tuple[int, bytes]:
        headers = {**({} if request.anonymous else self._headers), **request.headers}
        method = "GET" if request.body is None else "POST"
        connection = http.client.HTTPConnection(self._listen, timeout=_TIMEOUT_S)
        with closing(connection):
            connection.request(method, request.path, request.body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


def doubling_labels(levels: int) -> str:
    """Return a query whose label doubles at each level."""
    query = "label_replace(vector(1), 'a', 'xxxxxxxx', '', '')"
    for _ in range(levels):
        query = f"label_join({query}, 'a', '', 'a', 'a')"
    return query


def _written(labels: Mapping[str, str], time_ms: int) -> bytes:
    """Return a remote-write request with one sample."""
    series = b"".join(label(name, value) for name, value in labels.items())
    return _compressed(series, time_ms)


def _repeated_label(time_ms: int) -> bytes:
    series = label("__name__", "soak_refused") + label("a", "b") + label("a", "c")
    return _compressed(series, time_ms)


def _compressed(series: bytes, time_ms: int) -> bytes:
    sample = b"\x09" + struct.pack("<d", 1.0) + b"\x10" + varint(time_ms)
    message = message_field(1, series + message_field(2, sample))
    return bytes(cramjam.snappy.compress_raw(message))
