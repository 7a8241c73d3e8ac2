"""Delivery: the outbox's notifications go to their receivers, each in its own task.

At least once: a notification is marked as delivered after the receiver took it, so
one that was under way when the process died is sent again. To one receiver they go in
order, so that nobody hears of a recovery before the alert; a receiver that is slow or
down delays only itself.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from alerting.errors import DeliveryError
from alerting.receivers.receivers import Receiver
from alerting.settings import DeliverySettings
from model.clock import Clock
from storage.api.alerts import AlertRecords, Notification
from storage.api.errors import StorageError

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]
_ORPHANS_AT_ONCE = 1000


class Delivery:
    """Takes notifications out of the outbox."""

    def __init__(
        self,
        records: AlertRecords,
        receivers: Mapping[str, Receiver],
        settings: DeliverySettings,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._records, self._receivers, self._settings = records, receivers, settings
        self._clock, self._sleep = clock, sleep
        self._news = {name: asyncio.Event() for name in receivers}

    def reconfigure(self, receivers: Mapping[str, Receiver], settings: DeliverySettings) -> None:
        """Deliver to these receivers; those that `run` serves already are exchanged."""
        self._receivers, self._settings = receivers, settings
        self._news = {name: self._news.get(name) or asyncio.Event() for name in receivers}

    def wake(self, receivers: Iterable[str]) -> None:
        """Say that there is something new for these receivers."""
        for name in receivers:
            if name in self._news:
                self._news[name].set()

    async def abandon_orphans(self) -> None:
        """Give up what waits for receivers that are no longer configured.

        Raises:
            StorageError: the records cannot be read or written.
        """
        while True:
            waiting = await self._records.waiting(None, _ORPHANS_AT_ONCE)
            orphans = [item for item in waiting if item.receiver not in self._receivers]
            for item in orphans:
                reason = "the receiver is no longer configured"
                await self._records.failed(item.id, reason, self._clock(), None)
                log.warning("notification_abandoned", receiver=item.receiver, error=reason)
            if len(waiting) < _ORPHANS_AT_ONCE or not orphans:
                return

    async def run(self, name: str) -> None:
        """Deliver to one receiver until cancelled."""
        news = self._news[name]
        while True:
            news.clear()
            try:
                head = await self._records.waiting(name, 1)
                if head:
                    await self._deliver(name, head[0])
                else:
                    await news.wait()
            except StorageError as exc:
                log.warning("outbox_unavailable", receiver=name, error=str(exc))
                await self._sleep(self._settings.retry_min_ms / 1000)

    async def _deliver(self, name: str, item: Notification) -> None:
        wait_ms = item.next_attempt_ms - self._clock()
        if wait_ms > 0:
            await self._sleep(wait_ms / 1000)
        try:
            # Looked up after the wait: it may have been exchanged for a better one.
            await self._receivers[name].send(item.body)
        except DeliveryError as exc:
            await self._failed(item, exc)
        except Exception as exc:
            # A fault of this program: it must not stop the other receivers.
            log.exception("receiver_crashed", receiver=item.receiver)
            await self._failed(item, DeliveryError(type(exc).__name__))
        else:
            await self._records.delivered(item.id, self._clock())
            if item.attempts:
                log.info("notification_delivered", receiver=item.receiver, attempts=item.attempts)

    async def _failed(self, item: Notification, exc: DeliveryError) -> None:
        now_ms = self._clock()
        next_ms = now_ms + self.backoff_ms(item.attempts)
        if exc.retryable and next_ms < item.created_ms + self._settings.give_up_after_ms:
            if not item.attempts:
                log.warning("notification_delayed", receiver=item.receiver, error=str(exc))
            await self._records.failed(item.id, str(exc), now_ms, next_ms)
            return
        log.error("notification_abandoned", receiver=item.receiver, error=str(exc))
        await self._records.failed(item.id, str(exc), now_ms, None)

    def backoff_ms(self, attempts: int) -> int:
        """Return how long to wait after so many earlier attempts: doubled, with jitter."""
        # Bounded before the power is taken: an outage of days counts many attempts.
        doubled_ms: int = self._settings.retry_min_ms * 2 ** min(attempts, 30)
        longest_ms = min(doubled_ms, self._settings.retry_max_ms)
        return round(longest_ms * random.uniform(0.5, 1))  # noqa: S311 - no secret
