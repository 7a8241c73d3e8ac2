"""Dashboards, tables `dashboards` and `dashboard_versions`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.dashboards.stored import (
    DashboardContent,
    DashboardSummary,
    DashboardVersion,
    StoredDashboard,
    TooManyDashboardsError,
)
from storage.api.errors import NotFoundError, StaleVersionError, TakenError
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("dashboards")
MOST: Final = 2000
# Grafana keeps 20 versions too; of large dashboards, these are some megabytes.
MOST_VERSIONS: Final = 20

_SCHEMA: Final = (
    """
    create table dashboards (
        uid text primary key, version integer not null, title text not null, tags text not null,
        panels integer not null, author text not null, created_ms integer not null,
        changed_ms integer not null)
    """,
    """
    create table dashboard_versions (
        id integer primary key,
        uid text not null references dashboards(uid) on delete cascade,
        version integer not null, title text not null, message text not null,
        author text not null, changed_ms integer not null, definition text not null,
        unique (uid, version))
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no cascades."""
    for statement in _SCHEMA:
        database.execute(statement)


class SqliteDashboards:
    """`DashboardRecords` in SQLite."""

    def __init__(
        self, database: RecordsDatabase, most: int = MOST, most_versions: int = MOST_VERSIONS
    ) -> None:
        self._database, self._most, self._most_versions = database, most, most_versions

    async def all(self) -> Sequence[DashboardSummary]:
        """See `DashboardRecords.all`."""

        def find(database: Database) -> list[DashboardSummary]:
            rows = database.table("dashboards").rows_where(order_by="title collate nocase, uid")
            return [_summary(row) for row in rows]

        return await self._database.read(find)

    async def get(self, uid: str) -> StoredDashboard:
        """See `DashboardRecords.get`."""

        def find(database: Database) -> StoredDashboard:
            summary = _found(database, uid)
            return StoredDashboard(summary, _definition(database, uid, summary.version))

        return await self._database.read(find)

    async def add(
        self, uid: str, content: DashboardContent, author: str, message: str, now_ms: int
    ) -> DashboardSummary:
        """See `DashboardRecords.add`."""

        def insert(database: Database) -> DashboardSummary:
            table = database.table("dashboards")
            if table.count_where("uid = ?", [uid]):
                raise TakenError("dashboard", "uid", uid)
            if table.count >= self._most:
                raise TooManyDashboardsError(self._most)
            summary = _of_content(uid, 1, content, author, now_ms, now_ms)
            table.insert(_row(summary))
            _keep_version(database, summary, message, content.definition)
            return summary

        return await self._database.write(insert)

    async def change(
        self,
        uid: str,
        version: int,
        content: DashboardContent,
        author: str,
        message: str,
        now_ms: int,
    ) -> DashboardSummary:
        """See `DashboardRecords.change`."""

        def update(database: Database) -> DashboardSummary:
            known = _found(database, uid)
            if known.version != version:
                raise StaleVersionError("dashboard", uid, version, known.version)
            created_ms = known.created_ms
            summary = _of_content(uid, version + 1, content, author, created_ms, now_ms)
            database.table("dashboards").update(uid, _row(summary))
            _keep_version(database, summary, message, content.definition)
            database.execute(
                "delete from dashboard_versions where uid = ? and version <= ?",
                [uid, summary.version - self._most_versions],
            )
            return summary

        return await self._database.write(update)

    async def remove(self, uid: str) -> None:
        """See `DashboardRecords.remove`."""

        def delete(database: Database) -> None:
            database.execute("delete from dashboard_versions where uid = ?", [uid])
            # A later dashboard with this uid is not what the links shared.
            database.execute("delete from dashboard_shares where uid = ?", [uid])
            if not database.execute("delete from dashboards where uid = ?", [uid]).rowcount:
                raise NotFoundError("dashboard", uid)

        await self._database.write(delete)

    async def history(self, uid: str) -> Sequence[DashboardVersion]:
        """See `DashboardRecords.history`."""

        def find(database: Database) -> list[DashboardVersion]:
            _found(database, uid)
            rows = database.table("dashboard_versions").rows_where(
                "uid = ?",
                [uid],
                order_by="version desc",
                select="version, title, message, author, changed_ms",
            )
            return [DashboardVersion(**row) for row in rows]

        return await self._database.read(find)

    async def version(self, uid: str, version: int) -> str:
        """See `DashboardRecords.version`."""
        return await self._database.read(lambda database: _definition(database, uid, version))


def _of_content(
    uid: str, version: int, content: DashboardContent, author: str, created_ms: int, now_ms: int
) -> DashboardSummary:
    return DashboardSummary(
        uid, version, content.title, content.tags, content.panels, author, created_ms, now_ms
    )


def _row(summary: DashboardSummary) -> dict[str, Any]:
    return {
        "uid": summary.uid,
        "version": summary.version,
        "title": summary.title,
        "tags": json.dumps(summary.tags),
        "panels": summary.panels,
        "author": summary.author,
        "created_ms": summary.created_ms,
        "changed_ms": summary.changed_ms,
    }


def _summary(row: Mapping[str, Any]) -> DashboardSummary:
    return DashboardSummary(**{**row, "tags": tuple(json.loads(row["tags"]))})


def _found(database: Database, uid: str) -> DashboardSummary:
    row = next(database.table("dashboards").rows_where("uid = ?", [uid]), None)
    if row is None:
        raise NotFoundError("dashboard", uid)
    return _summary(row)


def _definition(database: Database, uid: str, version: int) -> str:
    rows = database.table("dashboard_versions").rows_where(
        "uid = ? and version = ?", [uid, version], select="definition"
    )
    row = next(rows, None)
    if row is None:
        raise NotFoundError("version of a dashboard", f"{uid}/{version}")
    return str(row["definition"])


def _keep_version(
    database: Database, summary: DashboardSummary, message: str, definition: str
) -> None:
    database.table("dashboard_versions").insert(
        {
            "uid": summary.uid,
            "version": summary.version,
            "title": summary.title,
            "message": message,
            "author": summary.author,
            "changed_ms": summary.changed_ms,
            "definition": definition,
        }
    )
