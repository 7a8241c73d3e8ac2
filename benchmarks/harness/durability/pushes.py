"""Pushes samples to the server and records which it acknowledged."""

import json
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

import cramjam

from benchmarks.harness.load.remote_write_format import WRITE_HEADERS, label, message_field, varint
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch

_PAUSE_S = 0.005
_TIMEOUT_S = 10.0


class Push(ABC):
    """A way to push samples.

    Attributes:
        sent, acknowledged: values by timestamp, Unix milliseconds.
    """

    path: ClassVar[str]
    metric: ClassVar[str]

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.acknowledged: dict[int, float] = {}

    @abstractmethod
    def request(self, time_ms: int, value: float) -> tuple[bytes, Mapping[str, str]]:
        """Return body and headers of a request with one sample."""

    def send(self, url: str, headers: Mapping[str, str]) -> bool:
        """Push the next sample; return whether it was acknowledged."""
        time_ms = max(time.time_ns() // 1_000_000, max(self.sent, default=0) + 1)
        value = float(len(self.sent))
        body, own = self.request(time_ms, value)
        self.sent[time_ms] = value
        try:
            fetch(url + self.path, body, {**headers, **own}, timeout_s=_TIMEOUT_S)
        except OSError:
            return False
        self.acknowledged[time_ms] = value
        return True


class MessagePush(Push):
    """Messages of devices, `POST /api/metrics`."""

    path = "/api/metrics"
    metric = "crash_message"

    def request(self, time_ms: int, value: float) -> tuple[bytes, Mapping[str, str]]:
        message = {
            "message_id": f"crash-{time_ms}",
            "timestamp": time_ms / 1000,
            "device_id": "crash",
            "source": "bench",
            "metrics": [{"metric_name": self.metric, "metric_value": value}],
        }
        return json.dumps(message).encode(), {"Content-Type": "application/json"}


class RemoteWrite(Push):
    """Prometheus remote write 1.0, `POST /api/v1/write`."""

    path = "/api/v1/write"
    metric = "crash_remote"

    def request(self, time_ms: int, value: float) -> tuple[bytes, Mapping[str, str]]:
        sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(time_ms)
        series = label("__name__", self.metric) + message_field(2, sample)
        return bytes(cramjam.snappy.compress_raw(message_field(1, series))), WRITE_HEADERS


def available(url: str, headers: Mapping[str, str], say: Callable[[str], None]) -> list[Push]:
    """Return the ways that the server has a route for; report the others with `say`."""
    found: list[Push] = []
    for push in (MessagePush(), RemoteWrite()):
        try:
            fetch(url + push.path, b"", headers, timeout_s=_TIMEOUT_S)
        except OSError as exc:
            # The error message has the status after the address.
            if f"{push.path}: 404 " in str(exc) or f"{push.path}: 405 " in str(exc):
                say(f"POST {push.path} does not exist: no pushes to it")
                continue
        found.append(push)
    return found


@contextmanager
def pushing(pushes: Sequence[Push], url: str, headers: Mapping[str, str]) -> Iterator[None]:
    """Push one sample after the other while a `with` block runs."""

    def push_each() -> None:
        for push in pushes:
            push.send(url, headers)

    with repeated(push_each, _PAUSE_S):
        yield
