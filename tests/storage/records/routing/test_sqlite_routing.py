import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.api.alerts import Alert
from storage.api.routing import AlertHold, GroupNotification, NotificationLogRow
from storage.records.alerts import SqliteAlerts
from storage.records.store import Records
from tests.storage.records.alert_builders import FIRING, NOW_MS, RESOLVED, moved, opened

ENTRY = NotificationLogRow("{}", "ops/webhook[0]", NOW_MS, "{}", "[]", "[]")


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[SqliteAlerts]:
    records = Records(tmp_path / "records.db")
    records.open()
    yield records.alerts
    records.close()


def hold_of(alert: Alert, silence: str = "s1", starts_ms: int = NOW_MS) -> AlertHold:
    return AlertHold(
        alert.id,
        silence,
        is_maintenance=False,
        matchers='job="a"',
        created_by="ann",
        comment="disk swap",
        starts_ms=starts_ms,
    )


async def fired(alerts: SqliteAlerts, instance: str) -> Alert:
    pending = await opened(alerts, instance)
    [firing] = await alerts.record([moved(pending, FIRING, NOW_MS)], NOW_MS)
    return firing


async def test_notification_of_a_group_is_in_the_history_of_each_of_its_alerts(
    alerts: SqliteAlerts,
) -> None:
    one, two, other = [await fired(alerts, name) for name in ("a", "b", "c")]
    group = GroupNotification("{}", (one.id, two.id, one.id, 99))
    await alerts.notify_groups([(ENTRY, group)], NOW_MS)
    await alerts.notify_groups([(ENTRY, None)], NOW_MS)
    [sent] = await alerts.notifications(10)
    for alert in (one, two):
        assert list(await alerts.notifications(10, alert_id=alert.id)) == [sent]
    assert list(await alerts.notifications(10, alert_id=other.id)) == []
    assert list(await alerts.notifications(10, sent.id, alert_id=one.id)) == []
    # Each alert may be deleted alone; the notification stays for the other one.
    await alerts.delivered(sent.id, NOW_MS)
    await alerts.record([moved(one, RESOLVED, NOW_MS + 1)], NOW_MS + 1)
    assert await alerts.delete_ended(NOW_MS + 2, 100) == 1
    assert list(await alerts.notifications(10, alert_id=one.id)) == []


async def test_hold_is_stored_once_however_often_it_begins(alerts: SqliteAlerts) -> None:
    alert = await fired(alerts, "a")
    hold = hold_of(alert)
    for _ in range(2):
        await alerts.change_holds([hold, hold_of(replace(alert, id=99))])
    assert list(await alerts.open_holds()) == [hold]
    ended = replace(hold, ends_ms=NOW_MS + 5)
    later = hold_of(alert, starts_ms=NOW_MS + 9)
    await alerts.change_holds([ended, later])
    assert list(await alerts.holds(alert.id, 10)) == [later, ended]
    assert list(await alerts.open_holds()) == [later]


async def test_hold_of_an_alert_that_has_ended_ends_with_it(alerts: SqliteAlerts) -> None:
    alert, other = await fired(alerts, "a"), await fired(alerts, "b")
    await alerts.change_holds([hold_of(alert), hold_of(other)])
    await alerts.record([moved(alert, RESOLVED, NOW_MS + 7)], NOW_MS + 7)
    assert list(await alerts.open_holds()) == [hold_of(other)]
    assert list(await alerts.holds(alert.id, 10)) == [replace(hold_of(alert), ends_ms=NOW_MS + 7)]
    await alerts.delete_ended(NOW_MS + 8, 100)
    assert list(await alerts.holds(alert.id, 10)) == []


async def test_history_survives_a_reopening(tmp_path: Path) -> None:
    first = Records(tmp_path / "again.db")
    await asyncio.to_thread(first.open)
    alert = await fired(first.alerts, "a")
    await first.alerts.change_holds([hold_of(alert)])
    await asyncio.to_thread(first.close)
    again = Records(tmp_path / "again.db")
    await asyncio.to_thread(again.open)
    try:
        assert list(await again.alerts.holds(alert.id, 10)) == [hold_of(alert)]
    finally:
        await asyncio.to_thread(again.close)
