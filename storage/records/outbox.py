"""The outbox and the delivery log, table `notifications`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database

from storage.api.alerts import NewNotification, Notification
from storage.records.alert_tables import WAITING
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

# One look-up in an index for each part: `or` would scan the table.
_ABOUT_ALERT = (
    "id in (select id from notifications where alert_id = :alert_id"
    " union all select notification_id from notified_alerts where alert_id = :alert_id)"
)


def _notification(row: Mapping[str, Any]) -> Notification:
    return Notification(**row)


def insert_notification(
    database: Database, alert_id: int | None, notification: NewNotification, now_ms: int
) -> int:
    """Add a notification to the outbox, and return its id; runs in the caller's transaction.

    The notification of a group belongs to no single alert.
    """
    inserted = database.execute(
        "insert into notifications (alert_id, receiver, body, created_ms, next_attempt_ms)"
        " values (?, ?, ?, ?, ?)",
        [alert_id, notification.receiver, notification.body, now_ms, now_ms],
    )
    return int(inserted.lastrowid or 0)


class SqliteOutbox:
    """`OutboxRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def waiting(self, receiver: str | None, limit: int) -> Sequence[Notification]:
        """See `OutboxRecords.waiting`."""
        if receiver is None:
            return await self._listed(WAITING, (), "id", limit, urgent=True)
        where = f"receiver = ? and {WAITING}"
        return await self._listed(where, (receiver,), "id", limit, urgent=True)

    async def notifications(
        self,
        limit: int,
        before_id: int | None = None,
        *,
        alert_id: int | None = None,
        receiver: str | None = None,
    ) -> Sequence[Notification]:
        """See `OutboxRecords.notifications`."""
        wanted = ((_ABOUT_ALERT, alert_id), ("receiver = :receiver", receiver))
        condition = " and ".join(text for text, value in wanted if value is not None) or "true"
        if before_id is not None:
            condition += " and id < :before_id"
        arguments: dict[str, Any] = {
            "alert_id": alert_id,
            "receiver": receiver,
            "before_id": before_id,
        }
        return await self._listed(condition, arguments, "id desc", limit)

    async def _listed(
        self,
        where: str,
        arguments: tuple[object, ...] | dict[str, Any],
        order_by: str,
        limit: int,
        *,
        urgent: bool = False,
    ) -> Sequence[Notification]:
        return await self._database.read(
            lambda database: decoded(
                "notifications",
                database.table("notifications").rows_where(
                    where, arguments, order_by=order_by, limit=limit
                ),
                _notification,
                self._database.damage,
            ),
            urgent=urgent,
        )

    async def delivered(self, notification_id: int, now_ms: int) -> None:
        """See `OutboxRecords.delivered`."""
        await self._attempted(notification_id, delivered_ms=now_ms, last_error=None)

    async def failed(
        self, notification_id: int, error: str, now_ms: int, next_attempt_ms: int | None
    ) -> None:
        """See `OutboxRecords.failed`."""
        if next_attempt_ms is None:
            await self._attempted(notification_id, abandoned_ms=now_ms, last_error=error)
        else:
            await self._attempted(
                notification_id, next_attempt_ms=next_attempt_ms, last_error=error
            )

    async def _attempted(self, notification_id: int, **outcome: object) -> None:
        assignments = ", ".join(f"{name} = :{name}" for name in outcome)
        # Delivered and abandoned are final.
        statement = (
            f"update notifications set attempts = attempts + 1, {assignments}"  # noqa: S608
            f" where id = :id and {WAITING}"
        )

        def update(database: Database) -> None:
            database.execute(statement, outcome | {"id": notification_id})

        await self._database.keep(update)
