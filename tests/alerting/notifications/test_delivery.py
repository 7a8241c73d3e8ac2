import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from alerting.errors import DeliveryError
from alerting.notifications.delivery import Delivery
from alerting.receivers.receiver import Receiver
from alerting.receivers.webhook import WebhookReceiver
from alerting.settings import DeliverySettings
from alerting.time_source import TimeSource
from model.labels import Labels
from storage.api.alerts import Alert, AlertChange, AlertState, NewNotification
from storage.api.errors import StorageError
from tests.alerting.alerting_doubles import (
    NOW_MS,
    SetClock,
    WatchedAlerts,
    Webhook,
    open_records,
    running_webhook,
)

SETTINGS = DeliverySettings()


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


class Sink:
    """A receiver in memory: keeps the bodies it accepts, and raises set errors."""

    def __init__(self, *failures: DeliveryError) -> None:
        self.taken: list[str] = []
        self.failures = list(failures)
        self.tries = 0

    async def send(self, body: str) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(body)


async def enqueue(records: WatchedAlerts, receiver: str, *bodies: str) -> None:
    alert = Alert(0, "r", Labels(), Labels(), AlertState.FIRING, 1.0, NOW_MS, NOW_MS)
    notifications = tuple(NewNotification(receiver, body) for body in bodies)
    await records.record([AlertChange(alert, AlertState.INACTIVE, notifications)], NOW_MS)


@asynccontextmanager
async def running(
    records: WatchedAlerts,
    receivers: Mapping[str, Receiver],
    clock: SetClock,
    settings: DeliverySettings = SETTINGS,
) -> AsyncIterator[Delivery]:
    delivery = Delivery(records, receivers, settings, TimeSource(clock, clock.sleep))
    tasks = [asyncio.create_task(delivery.run(name)) for name in receivers]
    try:
        yield delivery
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_outbox_is_delivered_in_order_and_later_notifications_after_it(
    records: WatchedAlerts,
) -> None:
    sink, clock = Sink(), SetClock()
    await enqueue(records, "ops", "1", "2")
    async with running(records, {"ops": sink}, clock) as delivery:
        assert await records.next_outcomes(2) == ["delivered"] * 2
        await enqueue(records, "ops", "3")
        delivery.wake(["ops", "unknown"])
        await records.next_outcomes(1)
    assert sink.taken == ["1", "2", "3"]
    assert all(item.delivered_ms == NOW_MS for item in await records.notifications(10))


async def test_failing_receiver_gets_everything_in_order_later(records: WatchedAlerts) -> None:
    sink = Sink(DeliveryError("time-out"), DeliveryError("answered 503"))
    clock = SetClock()
    await enqueue(records, "ops", "fires", "resolved")
    async with running(records, {"ops": sink}, clock):
        outcomes = await records.next_outcomes(4)
    assert outcomes == ["delayed", "delayed", "delivered", "delivered"]
    assert sink.taken == ["fires", "resolved"]
    # The waits between the attempts are 50 to 100 % of 5 s, then of 10 s.
    assert 7_500 <= clock.now_ms - NOW_MS <= 15_000
    item = (await records.notifications(10))[1]
    assert (item.attempts, item.last_error) == (3, None)


async def test_rejected_notification_is_abandoned_at_once(records: WatchedAlerts) -> None:
    sink, clock = Sink(DeliveryError("answered 400", retryable=False)), SetClock()
    await enqueue(records, "ops", "1", "2")
    with structlog.testing.capture_logs() as lines:
        async with running(records, {"ops": sink}, clock):
            assert await records.next_outcomes(2) == ["abandoned", "delivered"]
    assert sink.taken == ["2"]
    assert clock.now_ms == NOW_MS
    assert {"notification_abandoned"} == {line["event"] for line in lines}


async def test_notification_is_abandoned_at_the_configured_age(records: WatchedAlerts) -> None:
    sink, clock = Sink(*[DeliveryError("no answer")] * 99), SetClock()
    await enqueue(records, "ops", "1")
    settings = DeliverySettings.model_validate({"give_up_after": "10m", "retry_max": "1m"})
    async with running(records, {"ops": sink}, clock, settings):
        while (await records.next_outcomes(1)) != ["abandoned"]:
            pass
    [item] = await records.notifications(10)
    assert item.abandoned_ms is not None
    assert NOW_MS + 530_000 <= item.abandoned_ms <= NOW_MS + 600_000
    assert item.last_error == "no answer"


async def test_old_notification_is_tried_once_before_it_is_abandoned(
    records: WatchedAlerts,
) -> None:
    sink, clock = Sink(), SetClock(NOW_MS + 10 * SETTINGS.give_up_after_ms)
    await enqueue(records, "ops", "1")
    async with running(records, {"ops": sink}, clock):
        assert await records.next_outcomes(1) == ["delivered"]


@pytest.mark.fault("a receiver hangs")
async def test_slow_receiver_delays_only_itself(records: WatchedAlerts) -> None:
    clock = SetClock()
    async with running_webhook() as slow, running_webhook() as quick:
        slow.gate.clear()
        async with aiohttp.ClientSession() as session:
            receivers = {
                name: WebhookReceiver(SecretStr(hook.url), session, 10)
                for name, hook in (("slow", slow), ("quick", quick))
            }
            await enqueue(records, "slow", '"to slow"')
            async with running(records, receivers, clock) as delivery:
                for number in range(3):
                    await enqueue(records, "quick", json.dumps(number))
                    delivery.wake(["quick"])
                assert [await quick.next() for _ in range(3)] == [0, 1, 2]
                assert slow.bodies.empty()
                slow.gate.set()
                assert await slow.next() == "to slow"
                await records.next_outcomes(4)


async def test_notification_in_delivery_at_shutdown_is_sent_again(
    records: WatchedAlerts,
) -> None:
    async def attempt(webhook: Webhook, session: aiohttp.ClientSession) -> object:
        sender = WebhookReceiver(SecretStr(webhook.url), session, 10)
        async with running(records, {"ops": sender}, SetClock()):
            return await webhook.next()

    await enqueue(records, "ops", '"once or twice"')
    gate = asyncio.Event()

    async def delivered(notification_id: int, now_ms: int) -> None:
        await gate.wait()

    async with running_webhook() as webhook, aiohttp.ClientSession() as session:
        original, records.delivered = records.delivered, delivered  # type: ignore[method-assign]
        assert await attempt(webhook, session) == "once or twice"
        records.delivered = original  # type: ignore[method-assign]
        assert await attempt(webhook, session) == "once or twice"


async def test_delivery_goes_on_after_a_failure_of_the_records(records: WatchedAlerts) -> None:
    await enqueue(records, "ops", "1")
    original, failures = records.waiting, [StorageError("disk full")]

    async def waiting(receiver: str | None, limit: int) -> object:
        if failures:
            raise failures.pop()
        return await original(receiver, limit)

    records.waiting = waiting  # type: ignore[method-assign, assignment]
    sink, clock = Sink(), SetClock()
    async with running(records, {"ops": sink}, clock):
        await records.next_outcomes(1)
    assert sink.taken == ["1"]


async def test_notifications_of_a_removed_receiver_are_abandoned(records: WatchedAlerts) -> None:
    await enqueue(records, "gone", "1", "2")
    await enqueue(records, "ops", "3")
    delivery = Delivery(records, {"ops": Sink()}, SETTINGS, TimeSource(SetClock()))
    await delivery.abandon_orphans()
    [left] = await records.waiting(None, 10)
    assert left.receiver == "ops"
    assert (await records.notifications(10))[-1].last_error == (
        "the receiver is no longer configured"
    )


@given(st.integers(0, 10_000))
def test_backoff_doubles_with_jitter_up_to_its_maximum(attempts: int) -> None:
    delivery = Delivery(None, {}, SETTINGS, TimeSource(SetClock()))  # type: ignore[arg-type]
    longest_ms = min(5_000 * 2**attempts, 300_000)
    assert longest_ms / 2 <= delivery.backoff_ms(attempts) <= longest_ms
