"""Alerts, transitions, outbox and check overrides: tables of the same names.

Each listing has an index of its own, so that a page costs the same however long the
history is.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database, Migrations

from model.labels import Labels
from storage.api.alerts import (
    Alert,
    AlertChange,
    AlertState,
    CheckOverride,
    NewNotification,
    Notification,
    Transition,
)
from storage.api.errors import NotFoundError
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("alerts")

_OPEN = "state in ('pending', 'firing', 'no_data')"
_WAITING = "delivered_ms is null and abandoned_ms is null"

_SCHEMA = (
    # autoincrement: ids page the history and are in links, so none is used twice.
    # value: SQLite keeps no NaN, it becomes null.
    """
    create table alerts (
        id integer primary key autoincrement,
        rule text not null,
        labels text not null,
        annotations text not null,
        state text not null,
        value real,
        active_ms integer not null,
        changed_ms integer not null,
        fired_ms integer,
        resolved_ms integer,
        acknowledged_by text,
        acknowledged_ms integer
    )
    """,
    f"create index alerts_open on alerts(id) where {_OPEN}",
    "create index alerts_resolved on alerts(id) where state = 'resolved'",
    "create index alerts_ended on alerts(changed_ms) where state in ('inactive', 'resolved')",
    """
    create table transitions (
        id integer primary key autoincrement,
        alert_id integer not null references alerts(id) on delete cascade,
        before text not null,
        after text not null,
        time_ms integer not null,
        value real,
        actor text
    )
    """,
    "create index transitions_alert on transitions(alert_id, id)",
    """
    create table notifications (
        id integer primary key autoincrement,
        alert_id integer not null references alerts(id) on delete cascade,
        receiver text not null,
        body text not null,
        created_ms integer not null,
        next_attempt_ms integer not null,
        attempts integer not null default 0,
        delivered_ms integer,
        abandoned_ms integer,
        last_error text
    )
    """,
    "create index notifications_alert on notifications(alert_id)",
    f"create index notifications_waiting on notifications(id) where {_WAITING}",
    f"create index notifications_receiver on notifications(receiver, id) where {_WAITING}",
    """
    create table check_overrides (
        instance text not null,
        "check" text not null,
        enabled integer not null,
        warning real,
        critical real,
        recovery real,
        for_s real,
        primary key (instance, "check")
    )
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils knows no partial indexes."""
    for statement in _SCHEMA:
        database.execute(statement)


def _alert_row(alert: Alert) -> dict[str, Any]:
    """Return the columns that the evaluation owns: acknowledgement is `acknowledge`'s."""
    return {
        "rule": alert.rule,
        "labels": json.dumps(dict(alert.labels)),
        "annotations": json.dumps(dict(alert.annotations)),
        "state": alert.state.value,
        "value": alert.value,
        "active_ms": alert.active_ms,
        "changed_ms": alert.changed_ms,
        "fired_ms": alert.fired_ms,
        "resolved_ms": alert.resolved_ms,
    }


def _value(stored: float | None) -> float:
    return math.nan if stored is None else stored


def _alert(row: Mapping[str, Any]) -> Alert:
    return Alert(
        **{
            **row,
            "labels": Labels.of(json.loads(row["labels"])),
            "annotations": Labels.of(json.loads(row["annotations"])),
            "state": AlertState(row["state"]),
            "value": _value(row["value"]),
        }
    )


def _transition(row: Mapping[str, Any]) -> Transition:
    return Transition(
        **{
            **row,
            "labels": Labels.of(json.loads(row["labels"])),
            "before": AlertState(row["before"]),
            "after": AlertState(row["after"]),
            "value": _value(row["value"]),
        }
    )


def _override(row: Mapping[str, Any]) -> CheckOverride:
    return CheckOverride(**{**row, "enabled": bool(row["enabled"])})


def _notification(row: Mapping[str, Any]) -> Notification:
    return Notification(**row)


def _get(database: Database, alert_id: int) -> Alert:
    row = next(database.table("alerts").rows_where("id = ?", [alert_id]), None)
    if row is None:
        raise NotFoundError("alert", alert_id)
    return _alert(row)


def _store_alert(database: Database, alert: Alert) -> Alert:
    row = _alert_row(alert)
    if not alert.id:
        columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        statement = f"insert into alerts ({columns}) values ({places}) returning *"  # noqa: S608
    else:
        assignments = ", ".join(f"{name} = :{name}" for name in row)
        statement = f"update alerts set {assignments} where id = :id returning *"  # noqa: S608
    stored = next(database.query(statement, row | {"id": alert.id}), None)
    if stored is None:
        raise NotFoundError("alert", alert.id)
    return _alert(stored)


def _store_transition(
    database: Database, alert: Alert, before: AlertState, time_ms: int, actor: str | None = None
) -> None:
    database.execute(
        "insert into transitions (alert_id, before, after, time_ms, value, actor)"
        " values (?, ?, ?, ?, ?, ?)",
        [alert.id, before.value, alert.state.value, time_ms, alert.value, actor],
    )


def _store_notification(
    database: Database, alert_id: int, notification: NewNotification, now_ms: int
) -> None:
    database.execute(
        "insert into notifications (alert_id, receiver, body, created_ms, next_attempt_ms)"
        " values (?, ?, ?, ?, ?)",
        [alert_id, notification.receiver, notification.body, now_ms, now_ms],
    )


def _record(database: Database, changes: Sequence[AlertChange], now_ms: int) -> list[Alert]:
    stored = []
    for change in changes:
        alert = _store_alert(database, change.alert)
        if change.before is not alert.state:
            _store_transition(database, alert, change.before, now_ms)
        for notification in change.notifications:
            _store_notification(database, alert.id, notification, now_ms)
        stored.append(alert)
    return stored


class SqliteAlerts:
    """`AlertRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def open_alerts(self) -> Sequence[Alert]:
        """See `AlertRecords.open_alerts`."""
        return await self._database.read(
            lambda database: decoded(
                "alerts",
                database.table("alerts").rows_where(_OPEN, order_by="id"),
                _alert,
                self._database.damage,
            )
        )

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        """See `AlertRecords.record`."""
        return await self._database.write(lambda database: _record(database, changes, now_ms))

    async def alert(self, alert_id: int) -> Alert:
        """See `AlertRecords.alert`."""
        return await self._database.read(lambda database: _get(database, alert_id))

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """See `AlertRecords.resolved`."""
        where, arguments = _page("state = 'resolved'", (), "id", before_id)
        return await self._database.read(
            lambda database: decoded(
                "alerts",
                database.table("alerts").rows_where(
                    where, arguments, order_by="id desc", limit=limit
                ),
                _alert,
                self._database.damage,
            )
        )

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        """See `AlertRecords.history`."""
        condition, wanted = ("true", ()) if alert_id is None else ("alert_id = ?", (alert_id,))
        where, arguments = _page(condition, wanted, "transitions.id", before_id)
        statement = (
            "select transitions.*, alerts.rule, alerts.labels"  # noqa: S608
            " from transitions join alerts on alerts.id = transitions.alert_id"
            f" where {where} order by transitions.id desc limit ?"
        )
        return await self._database.read(
            lambda database: [
                _transition(row) for row in database.query(statement, (*arguments, limit))
            ]
        )

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        """See `AlertRecords.acknowledge`."""

        def update(database: Database) -> Alert:
            alert = _get(database, alert_id)
            if not alert.is_open:
                raise NotFoundError("open alert", alert_id)
            if alert.acknowledged_by is not None:
                return alert
            database.execute(
                "update alerts set acknowledged_by = ?, acknowledged_ms = ? where id = ?",
                [user, now_ms, alert_id],
            )
            _store_transition(database, alert, alert.state, now_ms, user)
            return _get(database, alert_id)

        return await self._database.write(update)

    async def waiting(self, receiver: str | None, limit: int) -> Sequence[Notification]:
        """See `AlertRecords.waiting`."""
        where, arguments = (
            (_WAITING, ()) if receiver is None else (f"receiver = ? and {_WAITING}", (receiver,))
        )
        return await self._database.read(
            lambda database: decoded(
                "notifications",
                database.table("notifications").rows_where(
                    where, arguments, order_by="id", limit=limit
                ),
                _notification,
                self._database.damage,
            )
        )

    async def delivered(self, notification_id: int, now_ms: int) -> None:
        """See `AlertRecords.delivered`."""
        await self._attempted(notification_id, delivered_ms=now_ms, last_error=None)

    async def failed(
        self, notification_id: int, error: str, now_ms: int, next_attempt_ms: int | None
    ) -> None:
        """See `AlertRecords.failed`."""
        if next_attempt_ms is None:
            await self._attempted(notification_id, abandoned_ms=now_ms, last_error=error)
        else:
            await self._attempted(
                notification_id, next_attempt_ms=next_attempt_ms, last_error=error
            )

    async def _attempted(self, notification_id: int, **outcome: object) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in outcome)
        # Only what still waits: an outcome is final.
        statement = (
            f"update notifications set attempts = attempts + 1, {assignments}"  # noqa: S608
            f" where id = :id and {_WAITING}"
        )

        def update(database: Database) -> None:
            database.execute(statement, outcome | {"id": notification_id})

        await self._database.write(update)

    async def notifications(
        self, limit: int, before_id: int | None = None
    ) -> Sequence[Notification]:
        """See `AlertRecords.notifications`."""
        where, arguments = _page("true", (), "id", before_id)
        return await self._database.read(
            lambda database: decoded(
                "notifications",
                database.table("notifications").rows_where(
                    where, arguments, order_by="id desc", limit=limit
                ),
                _notification,
                self._database.damage,
            )
        )

    async def forget(self, before_ms: int) -> int:
        """See `AlertRecords.forget`."""
        statement = (
            "delete from alerts"  # noqa: S608
            " where state in ('inactive', 'resolved') and changed_ms < ?"
            f" and id not in (select alert_id from notifications where {_WAITING})"
        )
        return await self._database.write(
            lambda database: database.execute(statement, [before_ms]).rowcount
        )

    async def overrides(self) -> Sequence[CheckOverride]:
        """See `AlertRecords.overrides`."""
        return await self._database.read(
            lambda database: decoded(
                "check_overrides",
                database.table("check_overrides").rows_where(order_by='instance, "check"'),
                _override,
                self._database.damage,
            )
        )

    async def set_override(self, override: CheckOverride) -> None:
        """See `AlertRecords.set_override`."""

        def replace(database: Database) -> None:
            database.table("check_overrides").upsert(asdict(override))

        await self._database.write(replace)

    async def remove_override(self, instance: str, check: str) -> None:
        """See `AlertRecords.remove_override`."""

        def delete(database: Database) -> None:
            database.table("check_overrides").delete_where(
                'instance = ? and "check" = ?', [instance, check]
            )

        await self._database.write(delete)


def _page(
    condition: str, arguments: tuple[object, ...], column: str, before_id: int | None
) -> tuple[str, tuple[object, ...]]:
    """Return a condition and its arguments, limited to ids below `before_id` if given."""
    if before_id is None:
        return condition, arguments
    return f"{condition} and {column} < ?", (*arguments, before_id)
