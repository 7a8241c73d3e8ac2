"""Sends the notifications of the outbox to their receivers.

Delivery is *at least once*: a notification is marked as delivered after its receiver
has accepted it, so it is sent again if the process dies in between. Each receiver has a
task of its own and gets its notifications in order, so a recovery never arrives before
its alert, and a slow receiver delays no other.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping

import structlog

from alerting.errors import DeliveryError
from alerting.notifications.progress import DeliveryProgress
from alerting.receivers.receiver import Receiver
from alerting.settings import DeliverySettings
from alerting.time_source import TimeSource
from storage.api.alerts import Notification, OutboxRecords
from storage.api.errors import StorageError

log = structlog.get_logger(__name__)

_ORPHAN_PAGE_SIZE = 1000


def delivery_task(receiver: str) -> str:
    """Return the name of the task that delivers to a receiver."""
    return f"deliver to {receiver}"


class Delivery:
    """Delivers the outbox, with retries.

    Attributes:
        progress: whether the deliveries make progress.
    """

    def __init__(
        self,
        outbox: OutboxRecords,
        receivers: Mapping[str, Receiver],
        settings: DeliverySettings,
        time: TimeSource,
    ) -> None:
        self.progress = DeliveryProgress(time.monotonic)
        self._outbox, self._receivers, self._settings = outbox, receivers, settings
        self._clock, self._sleep = time.clock, time.sleep
        self._arrivals = {name: asyncio.Event() for name in receivers}

    def reconfigure(self, receivers: Mapping[str, Receiver], settings: DeliverySettings) -> None:
        """Use other receivers and settings from now on, in running deliveries too."""
        self._receivers, self._settings = receivers, settings
        self._arrivals = {name: self._arrivals.get(name) or asyncio.Event() for name in receivers}

    def wake(self, receivers: Iterable[str]) -> None:
        """Start delivering to these receivers: their outbox has new notifications."""
        for name in receivers:
            if name in self._arrivals:
                self.progress.woken(name)
                self._arrivals[name].set()

    async def abandon_orphans(self) -> None:
        """Abandon the notifications of receivers that are no longer configured.

        Raises:
            StorageError: the records cannot be read or written.
        """
        while True:
            waiting = await self._outbox.waiting(None, _ORPHAN_PAGE_SIZE)
            orphans = [item for item in waiting if item.receiver not in self._receivers]
            for item in orphans:
                reason = "the receiver is no longer configured"
                await self._outbox.failed(item.id, reason, self._clock(), None)
                log.warning("notification_abandoned", receiver=item.receiver, error=reason)
            if len(waiting) < _ORPHAN_PAGE_SIZE or not orphans:
                return

    async def run(self, name: str) -> None:
        """Deliver to one receiver until cancelled."""
        try:
            await self._run(name, self._arrivals[name])
        finally:
            self.progress.ended(name)

    async def _run(self, name: str, arrival: asyncio.Event) -> None:
        while True:
            arrival.clear()
            self.progress.expect(name)
            try:
                oldest = await self._outbox.waiting(name, 1)
                if oldest:
                    await self._deliver(name, oldest[0])
                else:
                    self.progress.idle(name)
                    await arrival.wait()
            except StorageError as exc:
                log.warning("outbox_unavailable", receiver=name, error=str(exc))
                self.progress.failed(name)
                await self._wait(name, self._settings.retry_min_ms)

    async def _wait(self, name: str, wait_ms: int) -> None:
        self.progress.expect(name, wait_ms / 1000)
        await self._sleep(wait_ms / 1000)

    async def _deliver(self, name: str, item: Notification) -> None:
        # At most the longest wait: the clock may have been set back since.
        wait_ms = min(item.next_attempt_ms - self._clock(), self._settings.retry_max_ms)
        if wait_ms > 0:
            await self._wait(name, wait_ms)
        self.progress.expect(name, self._settings.timeout_ms / 1000)
        try:
            # Looked up after the wait, because `reconfigure` may have replaced it.
            await self._receivers[name].send(item.body)
        except DeliveryError as exc:
            await self._failed(item, exc)
        except Exception as exc:
            # A bug of ours must not end the task group, and with it all other receivers.
            log.exception("receiver_crashed", receiver=item.receiver)
            await self._failed(item, DeliveryError(type(exc).__name__))
        else:
            self.progress.delivered(name)
            await self._outbox.delivered(item.id, self._clock())
            if item.attempts:
                log.info("notification_delivered", receiver=item.receiver, attempts=item.attempts)

    async def _failed(self, item: Notification, exc: DeliveryError) -> None:
        now_ms = self._clock()
        next_ms = now_ms + self.backoff_ms(item.attempts)
        if exc.retryable and next_ms < item.created_ms + self._settings.give_up_after_ms:
            if not item.attempts:
                log.warning("notification_delayed", receiver=item.receiver, error=str(exc))
            self.progress.failed(item.receiver)
            await self._outbox.failed(item.id, str(exc), now_ms, next_ms)
            return
        log.error("notification_abandoned", receiver=item.receiver, error=str(exc))
        await self._outbox.failed(item.id, str(exc), now_ms, None)

    def backoff_ms(self, attempts: int) -> int:
        """Return the wait after so many failed attempts: exponential, with jitter."""
        # The exponent is bounded: an outage of days makes many attempts.
        doubled_ms: int = self._settings.retry_min_ms * 2 ** min(attempts, 30)
        longest_ms = min(doubled_ms, self._settings.retry_max_ms)
        return round(longest_ms * random.uniform(0.5, 1))  # noqa: S311 - no secret
