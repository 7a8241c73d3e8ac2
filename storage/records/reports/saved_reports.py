"""Saved reports, table `saved_reports`."""

from collections.abc import Sequence
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.reports.saved_reports import SavedReport
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("saved_reports")

_SCHEMA: Final = (
    """
    create table saved_reports (
        id integer primary key autoincrement,
        project_id integer not null references projects(id) on delete cascade,
        name text not null,
        kind text not null,
        definition text not null,
        author text not null,
        created_ms integer not null,
        changed_ms integer not null
    )
    """,
    "create index saved_reports_project_id on saved_reports(project_id)",
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades and no autoincrement."""
    for statement in _SCHEMA:
        database.execute(statement)


def _found(database: Database, project_id: int, report_id: int) -> SavedReport | None:
    rows = database.table("saved_reports").rows_where(
        "project_id = ? and id = ?", [project_id, report_id]
    )
    row = next(rows, None)
    return None if row is None else SavedReport(**row)


class SqliteSavedReports:
    """`SavedReportRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(
        self, project_id: int, name: str, kind: str, definition: str, author: str, now_ms: int
    ) -> SavedReport:
        """See `SavedReportRecords.add`."""

        def insert(database: Database) -> SavedReport:
            if not database.table("projects").count_where("id = ?", [project_id]):
                raise NotFoundError("project", project_id)
            row: dict[str, Any] = {
                "project_id": project_id,
                "name": name,
                "kind": kind,
                "definition": definition,
                "author": author,
                "created_ms": now_ms,
                "changed_ms": now_ms,
            }
            table = database.table("saved_reports").insert(row)
            return SavedReport(**row | {"id": table.last_pk})

        return await self._database.write(insert)

    async def of_project(self, project_id: int) -> Sequence[SavedReport]:
        """See `SavedReportRecords.of_project`."""
        return await self._database.read(
            lambda database: [
                SavedReport(**row)
                for row in database.table("saved_reports").rows_where(
                    "project_id = ?", [project_id], order_by="name, id"
                )
            ]
        )

    async def find(self, project_id: int, report_id: int) -> SavedReport | None:
        """See `SavedReportRecords.find`."""
        return await self._database.read(lambda database: _found(database, project_id, report_id))

    async def change(
        self, project_id: int, report_id: int, name: str, definition: str, author: str, now_ms: int
    ) -> SavedReport:
        """See `SavedReportRecords.change`."""

        def update(database: Database) -> SavedReport:
            database.execute(
                "update saved_reports set name = ?, definition = ?, author = ?, changed_ms = ?"
                " where project_id = ? and id = ?",
                [name, definition, author, now_ms, project_id, report_id],
            )
            changed = _found(database, project_id, report_id)
            if changed is None:
                raise NotFoundError("saved report", report_id)
            return changed

        return await self._database.write(update)

    async def remove(self, project_id: int, report_id: int) -> None:
        """See `SavedReportRecords.remove`."""

        def delete(database: Database) -> None:
            statement = "delete from saved_reports where project_id = ? and id = ?"
            if not database.execute(statement, [project_id, report_id]).rowcount:
                raise NotFoundError("saved report", report_id)

        await self._database.write(delete)
