"""Status pages, tables `status_pages`, `status_logos`, `status_incidents` and `status_days`."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.status.pages import (
    ComponentDay,
    Incident,
    IncidentUpdate,
    Logo,
    StatusPageRow,
    TooManyPagesError,
)
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("status_pages")
MOST: Final = 200
MOST_INCIDENTS: Final = 2000
_TABLES: Final = ("status_logos", "status_days", "status_incidents")

_SCHEMA: Final = (
    """
    create table status_pages (
        slug text primary key, definition text not null, author text not null,
        created_ms integer not null, changed_ms integer not null)
    """,
    """
    create table status_logos (
        slug text primary key, media_type text not null, content blob not null)
    """,
    """
    create table status_incidents (
        id integer primary key autoincrement, slug text not null, title text not null,
        impact text not null, state text not null, components text not null,
        started_ms integer not null, resolved_ms integer, is_automatic integer not null)
    """,
    "create index status_incidents_of_page on status_incidents(slug, started_ms)",
    """
    create table status_updates (
        id integer primary key,
        incident_id integer not null references status_incidents(id) on delete cascade,
        state text not null, text text not null, author text not null, at_ms integer not null)
    """,
    "create index status_updates_of_incident on status_updates(incident_id)",
    """
    create table status_days (
        slug text not null, component text not null, day text not null, up_s real not null,
        degraded_s real not null, down_s real not null, maintenance_s real not null,
        primary key (slug, component, day))
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no cascades."""
    for statement in _SCHEMA:
        database.execute(statement)


class SqliteStatusPages:
    """`StatusPageRecords` in SQLite."""

    def __init__(
        self, database: RecordsDatabase, most: int = MOST, most_incidents: int = MOST_INCIDENTS
    ) -> None:
        self._database, self._most, self._most_incidents = database, most, most_incidents

    async def all(self) -> Sequence[StatusPageRow]:
        """See `StatusPageRecords.all`."""

        def find(database: Database) -> list[StatusPageRow]:
            rows = database.table("status_pages").rows_where(order_by="slug")
            return [StatusPageRow(**row) for row in rows]

        return await self._database.read(find)

    async def add(self, row: StatusPageRow) -> None:
        """See `StatusPageRecords.add`."""

        def insert(database: Database) -> None:
            table = database.table("status_pages")
            if table.count_where("slug = ?", [row.slug]):
                raise TakenError("status page", "slug", row.slug)
            if table.count >= self._most:
                raise TooManyPagesError("status pages", self._most)
            table.insert(asdict(row))

        await self._database.write(insert)

    async def change(self, row: StatusPageRow) -> None:
        """See `StatusPageRecords.change`."""

        def update(database: Database) -> None:
            changed = database.execute(
                "update status_pages set definition = ?, author = ?, changed_ms = ? where slug = ?",
                [row.definition, row.author, row.changed_ms, row.slug],
            )
            if not changed.rowcount:
                raise NotFoundError("status page", row.slug)

        await self._database.write(update)

    async def remove(self, slug: str) -> None:
        """See `StatusPageRecords.remove`."""

        def delete(database: Database) -> None:
            database.execute(
                "delete from status_updates where incident_id in"
                " (select id from status_incidents where slug = ?)",
                [slug],
            )
            for table in _TABLES:
                database.execute(f"delete from {table} where slug = ?", [slug])  # noqa: S608
            if not database.execute("delete from status_pages where slug = ?", [slug]).rowcount:
                raise NotFoundError("status page", slug)

        await self._database.write(delete)

    async def logo(self, slug: str) -> Logo | None:
        """See `StatusPageRecords.logo`."""

        def find(database: Database) -> Logo | None:
            rows = database.table("status_logos").rows_where("slug = ?", [slug])
            row = next(rows, None)
            return None if row is None else Logo(row["media_type"], row["content"])

        return await self._database.read(find)

    async def set_logo(self, slug: str, logo: Logo | None) -> None:
        """See `StatusPageRecords.set_logo`."""

        def put(database: Database) -> None:
            database.execute("delete from status_logos where slug = ?", [slug])
            if logo is not None:
                database.table("status_logos").insert({"slug": slug, **asdict(logo)})

        await self._database.write(put)

    async def incidents(self, slug: str, since_ms: int) -> Sequence[Incident]:
        """See `StatusPageRecords.incidents`."""

        def find(database: Database) -> list[Incident]:
            rows = list(
                database.table("status_incidents").rows_where(
                    "slug = ? and (resolved_ms is null or resolved_ms >= ?)",
                    [slug, since_ms],
                    order_by="started_ms desc, id desc",
                )
            )
            return _incidents(database, rows)

        return await self._database.read(find)

    async def incident(self, slug: str, incident_id: int) -> Incident:
        """See `StatusPageRecords.incident`."""

        def find(database: Database) -> Incident:
            return _incidents(database, [_found(database, slug, incident_id)])[0]

        return await self._database.read(find)

    async def add_incident(self, incident: Incident, update: IncidentUpdate) -> int:
        """See `StatusPageRecords.add_incident`."""

        def insert(database: Database) -> int:
            table = database.table("status_incidents")
            if table.count_where("slug = ?", [incident.slug]) >= self._most_incidents:
                raise TooManyPagesError("incidents of the page", self._most_incidents)
            row = asdict(incident)
            del row["id"], row["updates"]
            row["components"] = json.dumps(incident.components)
            table.insert(row)
            incident_id = int(database.execute("select last_insert_rowid()").fetchone()[0])
            _add_update(database, incident_id, update)
            return incident_id

        return await self._database.write(insert)

    async def add_update(
        self, slug: str, incident_id: int, update: IncidentUpdate, resolved_ms: int | None
    ) -> None:
        """See `StatusPageRecords.add_update`."""

        def insert(database: Database) -> None:
            _found(database, slug, incident_id)
            _add_update(database, incident_id, update)
            database.execute(
                "update status_incidents set state = ?, resolved_ms = ? where id = ?",
                [update.state, resolved_ms, incident_id],
            )

        await self._database.write(insert)

    async def remove_incident(self, slug: str, incident_id: int) -> None:
        """See `StatusPageRecords.remove_incident`."""

        def delete(database: Database) -> None:
            _found(database, slug, incident_id)
            database.execute("delete from status_updates where incident_id = ?", [incident_id])
            database.execute("delete from status_incidents where id = ?", [incident_id])

        await self._database.write(delete)

    async def days(self, slug: str, since_day: str) -> Sequence[ComponentDay]:
        """See `StatusPageRecords.days`."""

        def find(database: Database) -> list[ComponentDay]:
            rows = database.table("status_days").rows_where(
                "slug = ? and day >= ?",
                [slug, since_day],
                select="component, day, up_s, degraded_s, down_s, maintenance_s",
            )
            return [ComponentDay(**row) for row in rows]

        return await self._database.read(find)

    async def put_days(self, slug: str, days: Sequence[ComponentDay]) -> None:
        """See `StatusPageRecords.put_days`."""

        def put(database: Database) -> None:
            for day in days:
                database.execute(
                    "insert or replace into status_days values (?, ?, ?, ?, ?, ?, ?)",
                    [slug, *asdict(day).values()],
                )

        await self._database.write(put)


def _found(database: Database, slug: str, incident_id: int) -> dict[str, Any]:
    rows = database.table("status_incidents").rows_where("slug = ? and id = ?", [slug, incident_id])
    row: dict[str, Any] | None = next(rows, None)
    if row is None:
        raise NotFoundError("incident", incident_id)
    return row


def _add_update(database: Database, incident_id: int, update: IncidentUpdate) -> None:
    database.table("status_updates").insert({"incident_id": incident_id, **asdict(update)})


def _incidents(database: Database, rows: Sequence[Mapping[str, Any]]) -> list[Incident]:
    """Return incidents with their updates, the newest first."""
    ids = [row["id"] for row in rows]
    updates: defaultdict[int, list[IncidentUpdate]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        marks = ",".join("?" * len(part))
        for row in database.table("status_updates").rows_where(
            f"incident_id in ({marks})", part, order_by="at_ms desc, id desc"
        ):
            own = {name: row[name] for name in ("state", "text", "author", "at_ms")}
            updates[row["incident_id"]].append(IncidentUpdate(**own))
    return [
        Incident(
            **{
                **row,
                "components": tuple(json.loads(row["components"])),
                "is_automatic": bool(row["is_automatic"]),
            },
            updates=tuple(updates[row["id"]]),
        )
        for row in rows
    ]
