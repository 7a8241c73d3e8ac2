"""The exporter in push mode: collects at an interval, and sends what the queue has."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.gathering import catalogue
from exporter.gathering.garbage import rare_garbage_collection
from exporter.gathering.gatherer import Gatherer
from exporter.gathering.self_metrics import SelfMetrics
from exporter.logs import Log
from exporter.pushing.delivery import QueueDelivery
from exporter.pushing.push_queue import PushQueue, QueuedPush
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from exporter.version import version
from model.clock import Clock, system_clock
from model.process.sd_notify import sd_notify, watchdog_interval_s

if TYPE_CHECKING:
    from exporter.serving.server import Stop

log = Log(__name__)

TIME_HEADER = "X-Collected-At-Ms"


@dataclass(frozen=True)
class HostVectors:
    """Makes a push of one scrape of this host."""

    gatherer: Gatherer
    encoder: Encoder
    clock: Clock

    @classmethod
    def of(cls, settings: ExporterSettings, clock: Clock = system_clock) -> "HostVectors":
        """Return the vectors of the collectors that the settings enable."""
        gatherer = Gatherer(catalogue.build(settings, clock), settings.collector_timeout_s)
        if settings.own_metrics:
            gatherer.always = (SelfMetrics(version(), gatherer.stuck),)
        return cls(gatherer, Encoder(), clock)

    def push(self) -> QueuedPush:
        """Collect once; the push has the time at which it began."""
        time_ms = self.clock()
        encoded = self.encoder.encode(self.gatherer.gather(), "", "gzip")
        headers = {"Content-Type": encoded.content_type, TIME_HEADER: str(time_ms)}
        if encoded.content_encoding:
            headers["Content-Encoding"] = encoded.content_encoding
        return QueuedPush(encoded.body, headers)


class Pusher:
    """Collects on one thread and sends on another, so that a slow server delays no vector.

    Args:
        vectors: makes the pushes.
        queue: keeps them until the server has taken them.
        delivery: sends them.
        interval_s: the time from one vector to the next.
    """

    def __init__(
        self,
        vectors: Callable[[], QueuedPush],
        queue: PushQueue,
        delivery: QueueDelivery,
        interval_s: float,
    ) -> None:
        self._vectors, self._queue, self._delivery = vectors, queue, delivery
        self._interval_s = interval_s
        self._changed = threading.Event()
        self._ending = False

    def run(self, stop: "Stop") -> None:
        """Push until `stop`; what is not sent then stays in the queue."""
        with rare_garbage_collection():
            self._run(stop)

    def _run(self, stop: "Stop") -> None:
        sender = threading.Thread(target=self._send, name="push", daemon=True)
        sender.start()
        sd_notify("READY=1")
        due_s = time.monotonic()
        while True:
            self._queue.add(self._vectors())
            self._changed.set()
            # Vectors that a suspended host missed are not made up for.
            due_s = max(due_s + self._interval_s, time.monotonic())
            if _wait(stop, due_s):
                break
        sd_notify("STOPPING=1")
        self._ending = True
        self._changed.set()
        log.info("push_stopped", waiting=len(self._queue))

    def _send(self) -> None:
        while not self._ending:
            self._changed.clear()
            try:
                pause_s = self._delivery.drain(self._queue)
            except OSError as exc:  # The queue's directory is gone, or its disk is broken.
                log.warning("push_queue_unreadable", error=str(exc))
                pause_s = self._interval_s
            if pause_s:
                time.sleep(pause_s)
            else:
                self._changed.wait()


def _wait(stop: "Stop", due_s: float) -> bool:
    """Wait for a time or for `stop`; return whether to stop. Notify systemd's watchdog."""
    beat_s = watchdog_interval_s() or math.inf
    while True:
        sd_notify("WATCHDOG=1")
        left_s = due_s - time.monotonic()
        if stop.wait(max(0.0, min(left_s, beat_s))):
            return True
        if left_s <= beat_s:
            return False
