"""Shared reports, table `report_shares`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.reports.shares import NewShare, ReportShare
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("report_shares")

_SCHEMA: Final = """
create table report_shares (
    id integer primary key autoincrement,
    project_id integer not null references projects(id) on delete cascade,
    token_hash text not null unique,
    kind text not null,
    title text not null,
    definition text not null,
    author text not null,
    created_ms integer not null,
    expires_ms integer not null
)
"""
_COLUMNS: Final = (
    "select report_shares.id, key as project_key, kind, title, definition, author,"
    " report_shares.created_ms, expires_ms"
    " from report_shares join projects on projects.id = project_id where expires_ms > ?"
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades and no autoincrement."""
    database.execute(_SCHEMA)
    database.execute("create index report_shares_project_id on report_shares(project_id)")


def _share(row: Mapping[str, Any]) -> ReportShare:
    return ReportShare(**row)


class SqliteShares:
    """`ShareRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(self, project_id: int, share: NewShare) -> int:
        """See `ShareRecords.add`."""

        def insert(database: Database) -> int:
            if not database.table("projects").count_where("id = ?", [project_id]):
                raise NotFoundError("project", project_id)
            # Ended links are of no use to anybody.
            database.execute("delete from report_shares where expires_ms <= ?", [share.created_ms])
            row = {"project_id": project_id, **asdict(share)}
            number: Any = database.table("report_shares").insert(row).last_pk
            return int(number)

        return await self._database.write(insert)

    async def find(self, token_hash: str, now_ms: int) -> ReportShare | None:
        """See `ShareRecords.find`."""

        def look(database: Database) -> ReportShare | None:
            rows = database.query(f"{_COLUMNS} and token_hash = ?", [now_ms, token_hash])
            row = next(rows, None)
            return None if row is None else _share(row)

        return await self._database.read(look)

    async def live(self, project_id: int, now_ms: int) -> Sequence[ReportShare]:
        """See `ShareRecords.live`."""
        query = f"{_COLUMNS} and project_id = ? order by report_shares.id desc"
        return await self._database.read(
            lambda database: [_share(row) for row in database.query(query, [now_ms, project_id])]
        )

    async def revoke(self, project_id: int, share_id: int) -> None:
        """See `ShareRecords.revoke`."""

        def delete(database: Database) -> None:
            statement = "delete from report_shares where project_id = ? and id = ?"
            if not database.execute(statement, [project_id, share_id]).rowcount:
                raise NotFoundError("share", share_id)

        await self._database.write(delete)
