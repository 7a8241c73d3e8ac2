"""A stream of OTLP deltas whose sum is known, sent to a server that is killed."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch

_PATH = "/v1/metrics"
_HEADERS = {"Content-Type": "application/x-protobuf"}
_NS = 1_000_000
_PAUSE_S = 0.02
_TIMEOUT_S = 10.0
_BOUNDS = (1.0, 10.0)
_MOST_WAITING = 20
# How often an answer counts as lost, so that the request is sent again.
_REPEATED = 0.2
# How often the sender was restarted together with the server: its deltas have a gap.
_RESTARTED = 0.3
_FLUSH_S = 120.0


class DeltaStream:
    """Sends deltas in order, each until it is acknowledged, and some again.

    Attributes:
        acknowledged: how many requests were acknowledged.
        repeated: how many were sent again after that.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._waiting: list[bytes] = []
        self._end_ms = _now_ms()
        self._total, self._counts, self._eighths = 0, [0, 0, 0], 0
        self.acknowledged = self.repeated = 0

    @contextmanager
    def sending(self, url: str, headers: Mapping[str, str]) -> Iterator[None]:
        """Send while a `with` block runs."""
        if self._random.random() < _RESTARTED:
            self._end_ms = _now_ms()

        def send() -> None:
            if len(self._waiting) < _MOST_WAITING:
                self._produce()
            if self._waiting:
                self._send(url, headers)

        with repeated(send, _PAUSE_S):
            yield

    def finish(self, url: str, headers: Mapping[str, str]) -> None:
        """Send what is waiting.

        Raises:
            TimeoutError: the server does not accept it.
        """
        until_s = time.monotonic() + _FLUSH_S
        while self._waiting:
            if not self._send(url, headers):
                time.sleep(_PAUSE_S)
            if time.monotonic() > until_s:
                raise TimeoutError(f"{len(self._waiting)} deltas are not accepted")

    def problems(self, ask: Callable[[str], list[dict[str, Any]]]) -> list[str]:
        """Return how the newest totals differ from the sums of all deltas.

        Args:
            ask: returns the result of an instant query.
        """
        expected = {
            "crash_deltas_total": float(self._total),
            "crash_waits_count": float(sum(self._counts)),
            "crash_waits_sum": self._eighths / 8,
            'crash_waits_bucket{le="1"}': float(self._counts[0]),
            'crash_waits_bucket{le="10"}': float(sum(self._counts[:2])),
        }
        found = {
            series: [float(one["value"][1]) for one in ask(f"last_over_time({series}[1d])")]
            for series in expected
        }
        return [
            f"{series}: {found[series]}, and the deltas add up to {total}"
            for series, total in expected.items()
            if found[series] != [total]
        ]

    def _produce(self) -> None:
        start_ms, self._end_ms = self._end_ms, _now_ms()
        if self._end_ms <= start_ms:
            self._end_ms = start_ms
            return
        added = self._random.randrange(1, 100)
        counts = [self._random.randrange(5) for _ in self._counts]
        # Multiples of an eighth add up exactly.
        self._total, self._eighths = self._total + added, self._eighths + sum(counts)
        self._counts = [a + b for a, b in zip(self._counts, counts, strict=True)]
        message: Any = ExportMetricsServiceRequest()
        one = message.resource_metrics.add()
        service = AnyValue(string_value="crash")
        one.resource.attributes.append(KeyValue(key="service.name", value=service))
        metrics = one.scope_metrics.add().metrics
        when = {"start_time_unix_nano": start_ms * _NS, "time_unix_nano": self._end_ms * _NS}
        hits = metrics.add(name="crash.deltas").sum
        hits.is_monotonic, hits.aggregation_temporality = True, 1
        hits.data_points.add(**when, as_int=added)
        waits = metrics.add(name="crash.waits").histogram
        waits.aggregation_temporality = 1
        waits.data_points.add(
            **when,
            count=sum(counts),
            sum=sum(counts) / 8,
            bucket_counts=counts,
            explicit_bounds=_BOUNDS,
        )
        self._waiting.append(message.SerializeToString())

    def _send(self, url: str, headers: Mapping[str, str]) -> bool:
        """Send the oldest delta; return whether it was acknowledged."""
        body = self._waiting[0]
        try:
            fetch(url + _PATH, body, {**headers, **_HEADERS}, timeout_s=_TIMEOUT_S)
            self._waiting.pop(0)
            self.acknowledged += 1
            if self._random.random() < _REPEATED:
                self.repeated += 1
                fetch(url + _PATH, body, {**headers, **_HEADERS}, timeout_s=_TIMEOUT_S)
        except (OSError, HTTPException):
            return False
        return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
