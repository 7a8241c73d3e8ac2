"""Notes on event names and properties, table `schema_notes`."""

from collections.abc import Sequence
from typing import Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.reports.schema_notes import NoteKind, SchemaNote, SchemaNoteChange
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("schema_notes")

_SCHEMA: Final = """
create table schema_notes (
    id integer primary key autoincrement,
    project_id integer not null references projects(id) on delete cascade,
    kind text not null,
    name text not null,
    description text not null,
    is_hidden integer not null,
    author text not null,
    changed_ms integer not null,
    unique (project_id, kind, name)
)
"""
_CHANGE: Final = """
insert into schema_notes (project_id, kind, name, description, is_hidden, author, changed_ms)
values (:project, :kind, :name, coalesce(:description, ''), coalesce(:is_hidden, 0), :author, :now)
on conflict (project_id, kind, name) do update set
    description = coalesce(:description, description),
    is_hidden = coalesce(:is_hidden, is_hidden), author = :author, changed_ms = :now
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades."""
    database.execute(_SCHEMA)


class SqliteSchemaNotes:
    """`SchemaNoteRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def of_project(self, project_id: int) -> Sequence[SchemaNote]:
        """See `SchemaNoteRecords.of_project`."""
        return await self._database.read(
            lambda database: [
                SchemaNote(
                    NoteKind(row["kind"]),
                    row["name"],
                    row["description"],
                    bool(row["is_hidden"]),
                    row["author"],
                    row["changed_ms"],
                )
                for row in database.table("schema_notes").rows_where(
                    "project_id = ?", [project_id], order_by="kind, name"
                )
            ]
        )

    async def change(
        self, project_id: int, changes: Sequence[SchemaNoteChange], author: str, now_ms: int
    ) -> None:
        """See `SchemaNoteRecords.change`."""

        def write(database: Database) -> None:
            if not database.table("projects").count_where("id = ?", [project_id]):
                raise NotFoundError("project", project_id)
            for each in changes:
                values = {
                    "project": project_id,
                    "kind": str(each.kind),
                    "name": each.name,
                    "description": each.description,
                    "is_hidden": each.is_hidden,
                    "author": author,
                    "now": now_ms,
                }
                database.execute(_CHANGE, values)
            database.execute(
                "delete from schema_notes where project_id = ? and description = ''"
                " and not is_hidden",
                [project_id],
            )

        await self._database.write(write)
