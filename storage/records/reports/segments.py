"""Segments, table `segments`."""

from collections.abc import Sequence
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.reports.saved_reports import PersonSegment
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("segments")

_SCHEMA: Final = """
create table segments (
    id integer primary key autoincrement,
    project_id integer not null references projects(id) on delete cascade,
    name text not null,
    definition text not null,
    created_ms integer not null,
    changed_ms integer not null,
    unique (project_id, name)
)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades and no autoincrement."""
    database.execute(_SCHEMA)


def _require_free(database: Database, project_id: int, name: str, but_for: int = 0) -> None:
    """Raise TakenError if another segment of the project has the name."""
    if database.table("segments").count_where(
        "project_id = ? and name = ? and id <> ?", [project_id, name, but_for]
    ):
        raise TakenError("segment", "name", name)


class SqliteSegments:
    """`SegmentRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(self, project_id: int, name: str, definition: str, now_ms: int) -> PersonSegment:
        """See `SegmentRecords.add`."""

        def insert(database: Database) -> PersonSegment:
            if not database.table("projects").count_where("id = ?", [project_id]):
                raise NotFoundError("project", project_id)
            _require_free(database, project_id, name)
            row: dict[str, Any] = {
                "project_id": project_id,
                "name": name,
                "definition": definition,
                "created_ms": now_ms,
                "changed_ms": now_ms,
            }
            return PersonSegment(**row | {"id": database.table("segments").insert(row).last_pk})

        return await self._database.write(insert)

    async def of_project(self, project_id: int) -> Sequence[PersonSegment]:
        """See `SegmentRecords.of_project`."""
        return await self._database.read(
            lambda database: [
                PersonSegment(**row)
                for row in database.table("segments").rows_where(
                    "project_id = ?", [project_id], order_by="name"
                )
            ]
        )

    async def change(
        self, project_id: int, segment_id: int, name: str, definition: str, now_ms: int
    ) -> PersonSegment:
        """See `SegmentRecords.change`."""

        def update(database: Database) -> PersonSegment:
            _require_free(database, project_id, name, segment_id)
            segments = database.table("segments")
            database.execute(
                "update segments set name = ?, definition = ?, changed_ms = ?"
                " where project_id = ? and id = ?",
                [name, definition, now_ms, project_id, segment_id],
            )
            found = segments.rows_where("project_id = ? and id = ?", [project_id, segment_id])
            row = next(found, None)
            if row is None:
                raise NotFoundError("segment", segment_id)
            return PersonSegment(**row)

        return await self._database.write(update)

    async def remove(self, project_id: int, segment_id: int) -> None:
        """See `SegmentRecords.remove`."""

        def delete(database: Database) -> None:
            statement = "delete from segments where project_id = ? and id = ?"
            if not database.execute(statement, [project_id, segment_id]).rowcount:
                raise NotFoundError("segment", segment_id)

        await self._database.write(delete)
