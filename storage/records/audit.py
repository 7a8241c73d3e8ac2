"""The audit log, table `audit`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database, Migrations

from storage.api.audit import LOGIN_FAILED, AuditEntry, AuditRetention, NewAuditEntry
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("audit")

_SCHEMA = (
    # autoincrement: deleted entries leave a visible gap.
    """
    create table audit (
        id integer primary key autoincrement,
        time_ms integer not null,
        actor text not null,
        address text not null,
        action text not null,
        subject text not null,
        details text not null
    )
    """,
    "create index audit_time on audit(time_ms)",
    f"create index audit_failed_logins on audit(id) where action = '{LOGIN_FAILED}'",
)
_DROP_BEYOND_COUNT = """
    delete from audit where id <= (select id from audit order by id desc limit 1 offset :most)
"""
_DROP_FAILED_BEYOND_COUNT = f"""
    delete from audit where action = '{LOGIN_FAILED}' and id <= (
        select id from audit where action = '{LOGIN_FAILED}' order by id desc limit 1 offset :most
    )
"""  # noqa: S608 - LOGIN_FAILED is a constant


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table."""
    for statement in _SCHEMA:
        database.execute(statement)


def _entry(row: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(**{**row, "details": json.loads(row["details"])})


class SqliteAudit:
    """`AuditRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(self, entry: NewAuditEntry, retention: AuditRetention) -> None:
        """See `AuditRecords.add`."""
        row = {
            "time_ms": entry.time_ms,
            "actor": entry.actor,
            "address": entry.address,
            "action": entry.action,
            "subject": entry.subject,
            "details": json.dumps(dict(entry.details)),
        }

        def append(database: Database) -> None:
            database.table("audit").insert(row)
            oldest_ms = entry.time_ms - retention.age_ms
            database.execute("delete from audit where time_ms < ?", [oldest_ms])
            database.execute(_DROP_BEYOND_COUNT, {"most": retention.entries})
            if entry.action == LOGIN_FAILED:
                database.execute(_DROP_FAILED_BEYOND_COUNT, {"most": retention.failed_logins})

        await self._database.keep(append)

    async def entries(self, limit: int, before_id: int | None = None) -> Sequence[AuditEntry]:
        """See `AuditRecords.entries`."""
        where, arguments = (None, None) if before_id is None else ("id < ?", [before_id])
        return await self._database.read(
            lambda database: [
                _entry(row)
                for row in database.table("audit").rows_where(
                    where, arguments, order_by="id desc", limit=limit
                )
            ]
        )
