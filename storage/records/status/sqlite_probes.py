"""Probes, tables `probes` and `probe_heartbeats`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.status.probes import HeartbeatRow, ProbeRow, TooManyProbesError
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("probes")
MOST: Final = 5000

_SCHEMA: Final = (
    """
    create table probes (
        name text primary key, definition text not null, sealed text not null,
        author text not null, created_ms integer not null, changed_ms integer not null)
    """,
    """
    create table probe_heartbeats (
        name text primary key, token_hash text not null unique, issued_ms integer not null,
        beat_ms integer, failed integer not null default 0, message text not null default '')
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables."""
    for statement in _SCHEMA:
        database.execute(statement)


class SqliteProbes:
    """`ProbeRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase, most: int = MOST) -> None:
        self._database, self._most = database, most

    async def all(self) -> Sequence[ProbeRow]:
        """See `ProbeRecords.all`."""

        def find(database: Database) -> list[ProbeRow]:
            rows = database.table("probes").rows_where(order_by="name collate nocase, name")
            return decoded("probes", rows, lambda row: ProbeRow(**row), self._database.damage)

        return await self._database.read(find)

    async def add(self, row: ProbeRow) -> None:
        """See `ProbeRecords.add`."""

        def insert(database: Database) -> None:
            table = database.table("probes")
            if table.count_where("name = ?", [row.name]):
                raise TakenError("probe", "name", row.name)
            if table.count >= self._most:
                raise TooManyProbesError(self._most)
            table.insert(asdict(row))

        await self._database.write(insert)

    async def change(self, row: ProbeRow) -> None:
        """See `ProbeRecords.change`."""

        def update(database: Database) -> None:
            changed = database.execute(
                "update probes set definition = ?, sealed = ?, author = ?, changed_ms = ?"
                " where name = ?",
                [row.definition, row.sealed, row.author, row.changed_ms, row.name],
            )
            if not changed.rowcount:
                raise NotFoundError("probe", row.name)

        await self._database.write(update)

    async def remove(self, name: str) -> None:
        """See `ProbeRecords.remove`."""

        def delete(database: Database) -> None:
            database.execute("delete from probe_heartbeats where name = ?", [name])
            if not database.execute("delete from probes where name = ?", [name]).rowcount:
                raise NotFoundError("probe", name)

        await self._database.write(delete)

    async def heartbeats(self) -> Sequence[HeartbeatRow]:
        """See `ProbeRecords.heartbeats`."""

        def find(database: Database) -> list[HeartbeatRow]:
            rows = database.table("probe_heartbeats").rows_where(order_by="name")
            return decoded(
                "probe_heartbeats",
                rows,
                lambda row: HeartbeatRow(**{**row, "failed": bool(row["failed"])}),
                self._database.damage,
            )

        return await self._database.read(find)

    async def issue_heartbeat(self, name: str, token_hash: str, now_ms: int) -> None:
        """See `ProbeRecords.issue_heartbeat`."""

        def insert(database: Database) -> None:
            database.execute("delete from probe_heartbeats where name = ?", [name])
            database.table("probe_heartbeats").insert(
                {"name": name, "token_hash": token_hash, "issued_ms": now_ms}
            )

        await self._database.write(insert)

    async def forget_heartbeat(self, name: str) -> None:
        """See `ProbeRecords.forget_heartbeat`."""

        def delete(database: Database) -> None:
            database.execute("delete from probe_heartbeats where name = ?", [name])

        await self._database.write(delete)

    async def beat(self, name: str, at_ms: int, *, failed: bool, message: str) -> None:
        """See `ProbeRecords.beat`."""

        def update(database: Database) -> None:
            database.execute(
                "update probe_heartbeats set beat_ms = ?, failed = ?, message = ? where name = ?",
                [at_ms, failed, message, name],
            )

        await self._database.keep(update)
