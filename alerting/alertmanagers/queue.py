"""The alerts that wait for one Alertmanager: bounded, the newest report of each alert."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from alerting.alertmanagers.outgoing import OutgoingAlert, request_body
from alerting.errors import DeliveryError
from model.clock import Clock
from model.labels import Labels

log = structlog.get_logger(__name__)

CAPACITY = 10_000
"""Prometheus's `--alertmanager.notification-queue-capacity`."""
_BATCH = 256
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 1.0, 30.0

Rewrite = Callable[[Labels], Labels | None]
"""Returns the labels after external labels and relabelling, None to drop the alert."""


@dataclass(frozen=True, slots=True)
class AlertmanagerEndpoint:
    """One Alertmanager.

    Attributes:
        url: of `POST /api/v2/alerts`, without credentials.
        rewrite: gives the labels of an alert for it.
        post: sends a body; raises `DeliveryError`.
    """

    url: str
    rewrite: Rewrite
    post: Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class QueueStatistics:
    """Counts since the start: alerts sent, refused by the Alertmanager, and dropped."""

    sent: int = 0
    errors: int = 0
    dropped: int = 0
    latency_s: float = 0.0
    requests: int = 0


class AlertmanagerQueue:
    """Sends alerts to one Alertmanager, oldest first, and again after a failure.

    Attributes:
        endpoint: where to; may be replaced while it runs.
        statistics: counts for the metrics.
    """

    def __init__(
        self,
        endpoint: AlertmanagerEndpoint,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoint, self.statistics = endpoint, QueueStatistics()
        self._clock, self._sleep = clock, sleep
        self._waiting: dict[Labels, OutgoingAlert] = {}
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        """Return how many alerts wait."""
        return len(self._waiting)

    def put(self, alerts: Iterable[OutgoingAlert]) -> None:
        """Add alerts, each in place of an older report; drop the oldest beyond the capacity."""
        for alert in alerts:
            self._waiting.pop(alert.labels, None)
            self._waiting[alert.labels] = alert
        self._trim()
        self._arrival.set()

    def _trim(self) -> None:
        excess = len(self._waiting) - CAPACITY
        if excess > 0:
            for labels in list(self._waiting)[:excess]:
                del self._waiting[labels]
            self.statistics.dropped += excess
            log.warning("alerts_dropped", alertmanager=self.endpoint.url, count=excess)

    async def run(self) -> None:
        """Send until cancelled."""
        backoff_s = 0.0
        while True:
            if not self._waiting:
                self._arrival.clear()
                await self._arrival.wait()
            if await self._send():
                backoff_s = 0.0
                continue
            backoff_s = min(max(2 * backoff_s, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
            await self._sleep(backoff_s * random.uniform(0.5, 1))  # noqa: S311 - no secret

    async def _send(self) -> bool:
        """Send one batch; return False if it must be sent again later."""
        batch = list(self._waiting.values())[:_BATCH]
        for alert in batch:
            del self._waiting[alert.labels]
        started_s, statistics = time.monotonic(), self.statistics
        try:
            await self.endpoint.post(request_body(batch))
        except DeliveryError as exc:
            statistics.errors += len(batch)
            log.warning("alertmanager_failed", alertmanager=self.endpoint.url, error=str(exc))
            if not exc.retryable:
                statistics.dropped += len(batch)
                return True
            self._put_back(batch)
            return False
        statistics.requests += 1
        statistics.latency_s += time.monotonic() - started_s
        statistics.sent += len(batch)
        return True

    def _put_back(self, batch: list[OutgoingAlert]) -> None:
        """Queue alerts again, before the others, unless a newer report waits."""
        again = {alert.labels: alert for alert in batch if alert.labels not in self._waiting}
        self._waiting = again | self._waiting
        self._trim()
