import json
from dataclasses import replace

from storage.api.alerts import (
    NewNotification,
    Notification,
)
from storage.records.alerts import SqliteAlerts
from tests.storage.records.alert_builders import NOW_MS, RESOLVED, moved, opened


async def waiting(alerts: SqliteAlerts, receiver: str | None) -> list[tuple[str, int]]:
    found = await alerts.waiting(receiver, 10)
    return [(item.receiver, json.loads(item.body)) for item in found]


async def test_outbox_keeps_order_for_each_receiver(alerts: SqliteAlerts) -> None:
    alert = await opened(alerts, "a", NewNotification("log", "1"), NewNotification("ops", "2"))
    resolution = replace(
        moved(alert, RESOLVED, NOW_MS), notifications=(NewNotification("ops", "3"),)
    )
    await alerts.record([resolution], NOW_MS)
    assert await waiting(alerts, "ops") == [("ops", 2), ("ops", 3)]
    assert await waiting(alerts, None) == [("log", 1), ("ops", 2), ("ops", 3)]
    # The oldest stays first even while it waits for its next attempt.
    first = (await alerts.waiting("ops", 1))[0]
    await alerts.failed(first.id, "refused", NOW_MS, NOW_MS + 60_000)
    [again] = await alerts.waiting("ops", 1)
    assert again == replace(
        first, attempts=1, next_attempt_ms=NOW_MS + 60_000, last_error="refused"
    )


async def test_delivered_and_abandoned_notifications_leave_the_outbox_for_the_log(
    alerts: SqliteAlerts,
) -> None:
    alert = await opened(alerts, "a", *(NewNotification("log", str(n)) for n in range(3)))
    one, two, three = await alerts.waiting("log", 10)
    await alerts.failed(one.id, "time-out", NOW_MS, NOW_MS + 1)
    await alerts.delivered(one.id, NOW_MS + 2)
    await alerts.failed(two.id, "400 Bad Request", NOW_MS + 3, None)
    # Delivered and abandoned are final.
    await alerts.failed(one.id, "late", NOW_MS + 4, None)
    await alerts.delivered(two.id, NOW_MS + 4)
    assert list(await alerts.notifications(10)) == [
        three,
        replace(two, attempts=1, abandoned_ms=NOW_MS + 3, last_error="400 Bad Request"),
        replace(one, attempts=2, next_attempt_ms=NOW_MS + 1, delivered_ms=NOW_MS + 2),
    ]
    assert list(await alerts.waiting("log", 10)) == [three]
    assert three == Notification(
        "log", "2", id=three.id, alert_id=alert.id, created_ms=NOW_MS, next_attempt_ms=NOW_MS
    )
    assert [item.id for item in await alerts.notifications(10, before_id=two.id)] == [one.id]
