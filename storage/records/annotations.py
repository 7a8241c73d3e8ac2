"""Annotations, table `annotations`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.marks.annotations import Annotation, NewAnnotation
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("annotations")
MOST: Final = 100_000

_SCHEMA: Final = """
create table annotations (
    id integer primary key autoincrement, start_ms integer not null, end_ms integer not null,
    text text not null, tags text not null, instance text not null, project text not null,
    author text not null, created_ms integer not null)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because ids of deleted rows must not come back."""
    database.execute(_SCHEMA)
    database.execute("create index annotations_by_time on annotations (project, start_ms)")


class SqliteAnnotations:
    """`AnnotationRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase, most: int = MOST) -> None:
        self._database, self._most = database, most

    async def add(self, annotation: NewAnnotation, now_ms: int) -> Annotation:
        """See `AnnotationRecords.add`."""

        def insert(database: Database) -> Annotation:
            row = asdict(annotation) | {"created_ms": now_ms}
            stored = row | {"tags": json.dumps(annotation.tags)}
            number: Any = database.table("annotations").insert(stored).last_pk
            database.execute("delete from annotations where id <= ?", [number - self._most])
            return Annotation(**row | {"id": number})

        return await self._database.write(insert)

    async def get(self, annotation_id: int) -> Annotation:
        """See `AnnotationRecords.get`."""

        def find(database: Database) -> Annotation:
            rows = database.table("annotations").rows_where("id = ?", [annotation_id])
            row = next(rows, None)
            if row is None:
                raise NotFoundError("annotation", annotation_id)
            return _annotation(row)

        return await self._database.read(find)

    async def remove(self, annotation_id: int) -> None:
        """See `AnnotationRecords.remove`."""

        def delete(database: Database) -> None:
            statement = "delete from annotations where id = ?"
            if not database.execute(statement, [annotation_id]).rowcount:
                raise NotFoundError("annotation", annotation_id)

        await self._database.write(delete)

    async def between(
        self,
        start_ms: int,
        end_ms: int,
        *,
        project: str,
        instance: str | None,
        limit: int,
        tag: str | None = None,
    ) -> Sequence[Annotation]:
        """See `AnnotationRecords.between`."""
        condition = "project = ? and start_ms <= ? and end_ms >= ?"
        values: list[Any] = [project, end_ms, start_ms]
        if instance is not None:
            condition += " and instance in ('', ?)"
            values.append(instance)
        if tag is not None:
            condition += " and exists (select 1 from json_each(tags) where value = ?)"
            values.append(tag)

        def find(database: Database) -> list[Annotation]:
            rows = database.table("annotations").rows_where(
                condition, values, order_by="start_ms desc, id desc", limit=limit
            )
            return [_annotation(row) for row in rows][::-1]

        return await self._database.read(find)


def _annotation(row: Mapping[str, Any]) -> Annotation:
    return Annotation(**{**row, "tags": tuple(json.loads(row["tags"]))})
