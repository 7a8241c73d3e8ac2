"""Alerts and their transitions, tables `alerts` and `transitions`."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from model.labels import Labels
from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
    AlertState,
    FiredAlert,
    Transition,
)
from storage.api.errors import NotFoundError
from storage.records.alert_tables import OPEN, WAITING
from storage.records.check_overrides import SqliteCheckOverrides
from storage.records.outbox import SqliteOutbox, insert_notification
from storage.records.routing.sqlite_routing import SqliteRouting
from storage.records.rows import decoded, page_condition

_ENDED_MS = (
    "case when transitions.before <> transitions.after then (select later.time_ms"
    " from transitions as later where later.alert_id = transitions.alert_id"
    " and later.id > transitions.id and later.before <> later.after"
    " order by later.id limit 1) end"
)
# An alert is some ten rows with its transitions, notifications and holds.
_DELETED_AT_ONCE = 1_000
_ENDED = "state in ('inactive', 'resolved')"
_NEWEST_OVER_LIMIT = (
    f"select changed_ms, id from alerts where {_ENDED}"  # noqa: S608
    " order by changed_ms desc, id desc limit 1 offset ?"
)
_DELETE_ENDED = (
    f"delete from alerts where id in (select id from alerts where {_ENDED}"  # noqa: S608
    " and (changed_ms, id) <= (:changed_ms, :id)"
    f" and id not in (select alert_id from notifications where alert_id is not null and {WAITING})"
    " order by changed_ms limit :some)"
)
_DELETE_GROUPS = (
    "delete from notifications where id in (select id from notifications"  # noqa: S608
    f" where alert_id is null and created_ms < :changed_ms and not ({WAITING}) limit :some)"
)


def _alert_row(alert: Alert) -> dict[str, Any]:
    """Return the columns that an evaluation writes; `acknowledge` writes the others."""
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
            "annotations": Labels.with_empty(json.loads(row["annotations"])),
            "state": AlertState(row["state"]),
            "value": _value(row["value"]),
            "acknowledged_sticky": bool(row["acknowledged_sticky"]),
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


def _insert_transition(
    database: Database,
    alert: Alert,
    before: AlertState,
    time_ms: int,
    actor: str | None = None,
    terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT,
) -> None:
    states = (alert.id, before.value, alert.state.value)
    database.execute(
        "insert into transitions"
        " (alert_id, before, after, time_ms, value, actor, comment, expires_ms)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [*states, time_ms, alert.value, actor, terms.comment, terms.until_ms],
    )


def _record(database: Database, changes: Sequence[AlertChange], now_ms: int) -> list[Alert]:
    stored = []
    for change in changes:
        alert = _store_alert(database, change.alert)
        if change.before is not alert.state:
            _insert_transition(database, alert, change.before, now_ms)
            if not alert.acknowledged_sticky:
                alert = _end_acknowledgement(database, alert)
        for notification in change.notifications:
            insert_notification(database, alert.id, notification, now_ms)
        stored.append(alert)
    return stored


def _end_acknowledgement(database: Database, alert: Alert) -> Alert:
    database.execute(
        "update alerts set acknowledged_by = null, acknowledged_ms = null,"
        " acknowledged_comment = '', acknowledged_until_ms = null, acknowledged_sticky = 1"
        " where id = ?",
        [alert.id],
    )
    return _get(database, alert.id)


class SqliteAlerts(SqliteOutbox, SqliteCheckOverrides, SqliteRouting):
    """`AlertRecords` in SQLite."""

    async def open_alerts(self) -> Sequence[Alert]:
        """See `AlertRecords.open_alerts`."""
        return await self._database.read(
            lambda database: decoded(
                "alerts",
                database.table("alerts").rows_where(OPEN, order_by="id"),
                _alert,
                self._database.damage,
            )
        )

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        """See `AlertRecords.record`."""
        return await self._database.keep(lambda database: _record(database, changes, now_ms))

    async def alert(self, alert_id: int) -> Alert:
        """See `AlertRecords.alert`."""
        return await self._database.read(lambda database: _get(database, alert_id))

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """See `AlertRecords.resolved`."""
        where, arguments = page_condition("state = 'resolved'", (), "id", before_id)
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
        where, arguments = page_condition(condition, wanted, "transitions.id", before_id)
        statement = (
            "select transitions.*, alerts.rule, alerts.labels,"  # noqa: S608
            f" {_ENDED_MS} as ended_ms"
            " from transitions join alerts on alerts.id = transitions.alert_id"
            f" where {where} order by transitions.id desc limit ?"
        )
        return await self._database.read(
            lambda database: [
                _transition(row) for row in database.query(statement, (*arguments, limit))
            ]
        )

    async def fired_since(self, since_ms: int, limit: int = 100_000) -> Sequence[FiredAlert]:
        """See `AlertRecords.fired_since`."""
        statement = (
            "select rule, labels, fired_ms, resolved_ms,"
            " (select min(time_ms) from transitions"
            " where alert_id = alerts.id and actor is not null) as acknowledged_ms"
            " from alerts where fired_ms >= ? order by fired_ms desc limit ?"
        )
        return await self._database.read(
            lambda database: [
                FiredAlert(**{**row, "labels": Labels.of(json.loads(row["labels"]))})
                for row in database.query(statement, [since_ms, limit])
            ]
        )

    async def acknowledge(
        self,
        alert_id: int,
        user: str,
        now_ms: int,
        terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT,
    ) -> Alert:
        """See `AlertRecords.acknowledge`."""

        def update(database: Database) -> Alert:
            alert = _get(database, alert_id)
            if not alert.is_open:
                raise NotFoundError("open alert", alert_id)
            if alert.acknowledged_by is not None:
                return alert
            database.execute(
                "update alerts set acknowledged_by = ?, acknowledged_ms = ?,"
                " acknowledged_comment = ?, acknowledged_until_ms = ?, acknowledged_sticky = ?"
                " where id = ?",
                [user, now_ms, terms.comment, terms.until_ms, terms.is_sticky, alert_id],
            )
            _insert_transition(database, alert, alert.state, now_ms, user, terms)
            return _get(database, alert_id)

        return await self._database.keep(update)

    async def unacknowledge(self, alert_id: int, now_ms: int) -> Alert:
        """See `AlertRecords.unacknowledge`."""

        def update(database: Database) -> Alert:
            alert = _get(database, alert_id)
            if alert.acknowledged_by is None:
                return alert
            _insert_transition(database, alert, alert.state, now_ms)
            return _end_acknowledgement(database, alert)

        return await self._database.keep(update)

    async def delete_ended(self, before_ms: int, most: int) -> int:
        """See `AlertRecords.delete_ended`."""
        over = await self._database.read(
            lambda database: next(database.query(_NEWEST_OVER_LIMIT, [most]), None)
        )
        newest = (before_ms, -1)
        if over is not None:
            newest = max(newest, (over["changed_ms"], over["id"]))
        await self._delete(_DELETE_GROUPS, *newest)
        return await self._delete(_DELETE_ENDED, *newest)

    async def _delete(self, statement: str, changed_ms: int, newest_id: int) -> int:
        """Delete in steps, so that the writes of evaluations need not wait for all of it."""
        values = {"changed_ms": changed_ms, "id": newest_id, "some": _DELETED_AT_ONCE}
        deleted = 0
        while some := await self._database.write(
            lambda database: int(database.execute(statement, values).rowcount)
        ):
            deleted += some
        return deleted
