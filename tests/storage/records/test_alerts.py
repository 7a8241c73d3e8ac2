import asyncio
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from model.conditions import Conditions
from storage.api.alerts import (
    Acknowledgement,
    AlertChange,
    NewNotification,
)
from storage.api.errors import NotFoundError, StorageError
from storage.records.alert_tables import MIGRATIONS
from storage.records.alerts import SqliteAlerts
from storage.records.database import RecordsDatabase
from storage.records.store import Records
from tests.storage.records.alert_builders import (
    FIRING,
    INACTIVE,
    NO_DATA,
    NOW_MS,
    PENDING,
    RESOLVED,
    moved,
    new_alert,
    opened,
)


async def test_recorded_alert_is_open_after_reopening(records: Records, tmp_path: Path) -> None:
    alert = await opened(records.alerts)
    await asyncio.to_thread(records.close)
    again = Records(tmp_path / "records.db")
    await asyncio.to_thread(again.open)
    try:
        assert list(await again.alerts.open_alerts()) == [alert]
        assert alert == replace(new_alert(), id=alert.id)
    finally:
        await asyncio.to_thread(again.close)


async def test_open_alerts_are_the_pending_firing_and_no_data_ones_oldest_first(
    alerts: SqliteAlerts,
) -> None:
    ids = {}
    for state in (RESOLVED, FIRING, INACTIVE, NO_DATA, PENDING):
        [stored] = await alerts.record([moved(new_alert(), state, NOW_MS)], NOW_MS)
        ids[state] = stored.id
    assert [alert.id for alert in await alerts.open_alerts()] == [
        ids[FIRING],
        ids[NO_DATA],
        ids[PENDING],
    ]


async def test_each_change_of_state_is_in_the_history_once_newest_first(
    alerts: SqliteAlerts,
) -> None:
    pending = await opened(alerts)
    [firing] = await alerts.record([moved(pending, FIRING, NOW_MS + 1)], NOW_MS + 1)
    # The same state again: the alert is stored, no transition happened.
    [firing] = await alerts.record([AlertChange(replace(firing, value=97.0), FIRING)], NOW_MS + 2)
    [resolved] = await alerts.record([moved(firing, RESOLVED, NOW_MS + 3)], NOW_MS + 3)
    history = await alerts.history(10)
    assert [(entry.before, entry.after, entry.time_ms) for entry in history] == [
        (FIRING, RESOLVED, NOW_MS + 3),
        (PENDING, FIRING, NOW_MS + 1),
        (INACTIVE, PENDING, NOW_MS),
    ]
    assert history[0].rule == "host/cpu"
    assert history[0].labels == pending.labels
    assert await alerts.alert(pending.id) == resolved
    assert resolved.value == 97.0


async def test_history_has_pages_and_can_be_of_one_alert(alerts: SqliteAlerts) -> None:
    one, other = await opened(alerts, "a"), await opened(alerts, "b")
    for time_ms, state in enumerate((FIRING, RESOLVED), NOW_MS):
        [one] = await alerts.record([moved(one, state, time_ms)], time_ms)
    first = await alerts.history(3)
    rest = await alerts.history(3, before_id=first[-1].id)
    assert [entry.alert_id for entry in [*first, *rest]] == [one.id, one.id, other.id, one.id]
    narrowed = await alerts.history(2, alert_id=one.id)
    assert [entry.after for entry in narrowed] == [RESOLVED, FIRING]
    last = await alerts.history(2, before_id=narrowed[-1].id, alert_id=one.id)
    assert [entry.after for entry in last] == [PENDING]


async def test_resolved_alerts_have_pages_newest_first(alerts: SqliteAlerts) -> None:
    stored = await alerts.record(
        [moved(new_alert(str(number)), RESOLVED, NOW_MS) for number in range(5)], NOW_MS
    )
    await opened(alerts)
    newest = [alert.id for alert in reversed(stored)]
    page = await alerts.resolved(3)
    assert [alert.id for alert in page] == newest[:3]
    assert [alert.id for alert in await alerts.resolved(3, page[-1].id)] == newest[3:]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_nan_and_infinities_survive(alerts: SqliteAlerts, value: float) -> None:
    [stored] = await alerts.record(
        [AlertChange(replace(new_alert(), value=value), INACTIVE)], NOW_MS
    )
    [transition] = await alerts.history(1)
    for found in (stored.value, (await alerts.alert(stored.id)).value, transition.value):
        assert found == value or (math.isnan(found) and math.isnan(value))


async def test_failing_record_stores_nothing(alerts: SqliteAlerts) -> None:
    good = AlertChange(new_alert(), INACTIVE, (NewNotification("log", "{}"),))
    unknown = AlertChange(replace(new_alert("b"), id=99), INACTIVE)
    with pytest.raises(NotFoundError, match="no alert 99"):
        await alerts.record([good, unknown], NOW_MS)
    assert list(await alerts.open_alerts()) == []
    assert list(await alerts.history(10)) == []
    assert list(await alerts.notifications(10)) == []


async def test_failed_write_stores_nothing(tmp_path: Path) -> None:
    def refuse_notifications(database: Database) -> None:
        database.execute(
            "create temp trigger full before insert on main.notifications"
            " begin select raise(abort, 'disk full'); end"
        )

    database = RecordsDatabase(tmp_path / "records.db", Conditions(lambda: 0))
    await asyncio.to_thread(database.open, [MIGRATIONS])
    try:
        alerts = SqliteAlerts(database)
        await database.write(refuse_notifications)
        with pytest.raises(StorageError, match=r"records\.db: disk full"):
            await opened(alerts, "a", NewNotification("log", "{}"))
        assert list(await alerts.open_alerts()) == []
        assert list(await alerts.history(10)) == []
    finally:
        await asyncio.to_thread(database.close)


async def test_acknowledgement_survives_later_changes_and_is_in_the_history(
    alerts: SqliteAlerts,
) -> None:
    alert = await opened(alerts)
    acknowledged = await alerts.acknowledge(alert.id, "ada", NOW_MS + 1)
    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_ms) == ("ada", NOW_MS + 1)
    # The alert of the evaluation does not have the acknowledgement yet.
    [fired] = await alerts.record([moved(alert, FIRING, NOW_MS + 2)], NOW_MS + 2)
    assert fired.acknowledged_by == "ada"
    entry = (await alerts.history(2))[1]
    assert (entry.before, entry.after, entry.actor) == (PENDING, PENDING, "ada")


async def test_second_acknowledgement_changes_nothing(alerts: SqliteAlerts) -> None:
    alert = await opened(alerts)
    first = await alerts.acknowledge(alert.id, "ada", NOW_MS)
    assert await alerts.acknowledge(alert.id, "grace", NOW_MS + 5) == first
    assert len(await alerts.history(10)) == 2


async def test_only_open_alerts_can_be_acknowledged(alerts: SqliteAlerts) -> None:
    [resolved] = await alerts.record([moved(new_alert(), RESOLVED, NOW_MS)], NOW_MS)
    for alert_id in (resolved.id, 99):
        with pytest.raises(NotFoundError):
            await alerts.acknowledge(alert_id, "ada", NOW_MS)
    with pytest.raises(NotFoundError):
        await alerts.alert(99)


async def test_old_ended_alerts_are_deleted_unless_they_are_in_the_outbox(
    alerts: SqliteAlerts,
) -> None:
    old, fresh, untold, still_open = [
        await opened(alerts, instance) for instance in ("old", "fresh", "untold", "open")
    ]
    told = replace(
        moved(untold, RESOLVED, NOW_MS + 1), notifications=(NewNotification("ops", "{}"),)
    )
    await alerts.record([moved(old, INACTIVE, NOW_MS + 1), told], NOW_MS + 1)
    await alerts.record([moved(fresh, RESOLVED, NOW_MS + 9)], NOW_MS + 9)
    assert await alerts.delete_ended(NOW_MS + 5, 100) == 1
    with pytest.raises(NotFoundError):
        await alerts.alert(old.id)
    assert list(await alerts.history(10, alert_id=old.id)) == []
    for kept in (fresh, untold, still_open):
        assert (await alerts.alert(kept.id)).id == kept.id


async def test_of_more_ended_alerts_than_the_limit_the_oldest_are_deleted(
    alerts: SqliteAlerts,
) -> None:
    ended = [await opened(alerts, f"i{number}") for number in range(5)]
    await opened(alerts, "open")
    for number, alert in enumerate(ended):
        # Two end at the same time: the earlier one of them counts as older.
        await alerts.record([moved(alert, RESOLVED, NOW_MS + number // 2)], NOW_MS + number // 2)
    assert await alerts.delete_ended(0, 5) == 0
    assert await alerts.delete_ended(0, 2) == 3
    assert [alert.id for alert in await alerts.resolved(10)] == [each.id for each in ended[:2:-1]]
    assert len(await alerts.open_alerts()) == 1


async def test_history_says_how_long_each_state_lasted_and_what_acknowledgements_said(
    alerts: SqliteAlerts,
) -> None:
    pending = await opened(alerts)
    [firing] = await alerts.record([moved(pending, FIRING, NOW_MS + 5)], NOW_MS + 5)
    terms = Acknowledgement("new disk ordered", NOW_MS + 900)
    await alerts.acknowledge(firing.id, "ann", NOW_MS + 7, terms)
    await alerts.unacknowledge(firing.id, NOW_MS + 8)
    await alerts.record([moved(firing, RESOLVED, NOW_MS + 9)], NOW_MS + 9)
    found = await alerts.history(10, alert_id=firing.id)
    assert [(each.after, each.ended_ms) for each in found] == [
        (RESOLVED, None),
        (FIRING, None),
        (FIRING, None),
        (FIRING, NOW_MS + 9),
        (PENDING, NOW_MS + 5),
    ]
    assert [each.comment for each in found] == ["", "", "new disk ordered", "", ""]
    assert found[2].expires_ms == NOW_MS + 900


@pytest.mark.parametrize(
    ("listing", "index"),
    [
        (lambda alerts: alerts.history(100, 500), "PRIMARY KEY"),
        (lambda alerts: alerts.history(100, 500, 7), "transitions_alert"),
        (lambda alerts: alerts.resolved(100, 500), "alerts_resolved"),
        (lambda alerts: alerts.open_alerts(), "alerts_open"),
        (lambda alerts: alerts.waiting("ops", 1), "notifications_receiver"),
        (lambda alerts: alerts.waiting(None, 1), "notifications_waiting"),
        (lambda alerts: alerts.notifications(100, 500), "PRIMARY KEY"),
        (lambda alerts: alerts.notifications(100, alert_id=7), "notified_alerts_alert"),
        (lambda alerts: alerts.notifications(100, alert_id=7), "notifications_alert"),
        (lambda alerts: alerts.fired_since(NOW_MS), "alerts_fired"),
        (lambda alerts: alerts.delete_ended(0, 100), "alerts_ended"),
    ],
)
async def test_every_listing_uses_an_index_and_sorts_nothing(
    records: Records, monkeypatch: pytest.MonkeyPatch, listing: object, index: str
) -> None:
    plans: list[str] = []
    execute = Database.execute

    def explained(database: Database, sql: str, arguments: Any = None) -> object:
        if sql.startswith("select"):
            rows = execute(database, f"explain query plan {sql}", arguments)
            plans.extend(str(row[3]) for row in rows)
        return execute(database, sql, arguments)

    query = Database.query

    def explained_query(database: Database, sql: str, arguments: Any = None) -> object:
        rows = execute(database, f"explain query plan {sql}", arguments)
        plans.extend(str(row[3]) for row in rows)
        return query(database, sql, arguments)

    monkeypatch.setattr(Database, "execute", explained)
    monkeypatch.setattr(Database, "query", explained_query)
    assert callable(listing)
    await listing(records.alerts)
    assert any(index in plan for plan in plans), plans
    assert not any("TEMP B-TREE" in plan for plan in plans), plans
