"""Silences, the notification log, and holds: `silences`, `notification_log`, `alert_holds`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from storage.api.alerts import NewNotification
from storage.api.routing import AlertHold, GroupNotification, NotificationLogRow, SilenceRow
from storage.records.alert_tables import OPEN
from storage.records.database import RecordsDatabase
from storage.records.outbox import insert_notification
from storage.records.rows import decoded

_PUT_ENTRY = (
    "insert or replace into notification_log"
    " (group_key, integration, sent_ms, firing, resolved, alert_ids)"
    " values (:group_key, :integration, :sent_ms, :firing, :resolved, :alert_ids)"
)

_NOTE_ALERT = (
    "insert into notified_alerts (alert_id, notification_id) select id, ? from alerts where id = ?"
)
_PUT_HOLD = (
    "insert or replace into alert_holds (alert_id, silence_id, is_maintenance, matchers,"
    " created_by, comment, starts_ms, ends_ms)"
    " select id, :silence_id, :is_maintenance, :matchers, :created_by, :comment, :starts_ms,"
    " :ends_ms from alerts where id = :alert_id"
)
_END_HOLDS = (
    "update alert_holds set ends_ms = max(starts_ms,"  # noqa: S608
    " (select changed_ms from alerts where alerts.id = alert_id)) where ends_ms is null"
    f" and alert_id not in (select id from alerts where {OPEN})"
)
_HOLD_COLUMNS = (
    "alert_id, silence_id, is_maintenance, matchers, created_by, comment, starts_ms, ends_ms"
)


def _hold(row: dict[str, Any]) -> AlertHold:
    return AlertHold(**{**row, "is_maintenance": bool(row["is_maintenance"])})


class SqliteRouting:
    """`RoutingRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def silences(self) -> Sequence[SilenceRow]:
        """See `RoutingRecords.silences`."""
        return await self._database.read(
            lambda database: decoded(
                "silences",
                database.table("silences").rows_where(order_by="starts_ms, id"),
                lambda row: SilenceRow(**row),
                self._database.damage,
            )
        )

    async def put_silences(self, silences: Sequence[SilenceRow]) -> None:
        """See `RoutingRecords.put_silences`."""
        rows = [asdict(silence) for silence in silences]

        def put(database: Database) -> None:
            for row in rows:
                columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
                database.execute(
                    f"insert or replace into silences ({columns}) values ({places})",  # noqa: S608
                    row,
                )

        await self._database.keep(put)

    async def delete_silences(self, ended_before_ms: int) -> int:
        """See `RoutingRecords.delete_silences`."""
        statement = "delete from silences where ends_ms < ?"
        return await self._database.write(
            lambda database: database.execute(statement, [ended_before_ms]).rowcount
        )

    async def notification_log(self) -> Sequence[NotificationLogRow]:
        """See `RoutingRecords.notification_log`."""
        return await self._database.read(
            lambda database: decoded(
                "notification_log",
                database.table("notification_log").rows_where(),
                lambda row: NotificationLogRow(**row),
                self._database.damage,
            )
        )

    async def notify_groups(
        self,
        sent: Sequence[tuple[NotificationLogRow, GroupNotification | None]],
        now_ms: int,
    ) -> None:
        """See `RoutingRecords.notify_groups`."""
        rows = [(asdict(entry), notification) for entry, notification in sent]

        def put(database: Database) -> None:
            for row, group in rows:
                database.execute(_PUT_ENTRY, row)
                if group is not None:
                    notification = NewNotification(row["integration"], group.body)
                    stored_id = insert_notification(database, None, notification, now_ms)
                    database.conn.executemany(
                        _NOTE_ALERT, ((stored_id, alert_id) for alert_id in set(group.alert_ids))
                    )

        await self._database.keep(put)

    async def unnotified(self) -> Sequence[int]:
        """See `RoutingRecords.unnotified`."""
        statement = (
            "select id from alerts where state in ('firing', 'no_data') and fired_ms is not null"
            " and id not in (select alert_id from notifications where alert_id is not null)"
        )
        return await self._database.read(
            lambda database: [int(row["id"]) for row in database.query(statement)]
        )

    async def use_link(self, link_id: str, expires_ms: int, now_ms: int) -> bool:
        """See `RoutingRecords.use_link`."""

        def use(database: Database) -> bool:
            database.execute("delete from used_links where expires_ms <= ?", [now_ms])
            statement = "insert or ignore into used_links (id, expires_ms) values (?, ?)"
            return bool(database.execute(statement, [link_id, expires_ms]).rowcount == 1)

        return await self._database.keep(use)

    async def open_holds(self) -> Sequence[AlertHold]:
        """See `RoutingRecords.open_holds`."""

        def read(database: Database) -> list[AlertHold]:
            database.execute(_END_HOLDS)
            statement = f"select {_HOLD_COLUMNS} from alert_holds where ends_ms is null"  # noqa: S608
            return list(map(_hold, database.query(statement)))

        return await self._database.keep(read)

    async def change_holds(self, holds: Sequence[AlertHold]) -> None:
        """See `RoutingRecords.change_holds`."""
        rows = [asdict(each) for each in holds]
        await self._database.keep(
            lambda database: database.conn.executemany(_PUT_HOLD, rows).rowcount
        )

    async def holds(self, alert_id: int, limit: int) -> Sequence[AlertHold]:
        """See `RoutingRecords.holds`."""
        return await self._database.read(
            lambda database: decoded(
                "alert_holds",
                database.table("alert_holds").rows_where(
                    "alert_id = ?",
                    [alert_id],
                    select=_HOLD_COLUMNS,
                    order_by="starts_ms desc, silence_id",
                    limit=limit,
                ),
                _hold,
                self._database.damage,
            )
        )

    async def delete_log(self, sent_before_ms: int) -> int:
        """See `RoutingRecords.delete_log`."""
        statement = "delete from notification_log where sent_ms < ? and firing in ('[]', '{}')"
        return await self._database.write(
            lambda database: database.execute(statement, [sent_before_ms]).rowcount
        )
