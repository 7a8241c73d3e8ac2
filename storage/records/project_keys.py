"""API keys of projects, table `project_keys`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.project_keys import TRACK_ONLY, KeyScope, ProjectKey
from storage.api.projects import Project
from storage.records.database import RecordsDatabase
from storage.records.projects import project_of_row

MIGRATIONS = Migrations("project_keys")

_SCHEMA = (
    """
    create table project_keys (
        id integer primary key autoincrement,
        project_id integer not null references projects(id) on delete cascade,
        secret_hash text not null unique,
        prefix text not null,
        label text not null,
        created_ms integer not null,
        expires_ms integer,
        last_used_ms integer
    )
    """,
    "create index project_keys_project_id on project_keys(project_id)",
)

_LIVE = "(expires_ms is null or expires_ms > ?)"


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades and no autoincrement."""
    for statement in _SCHEMA:
        database.execute(statement)


@MIGRATIONS()
def restrict_keys(database: Database) -> None:
    """Add the scopes; older keys could send only."""
    database.execute("alter table project_keys add column scopes text not null default 'track'")


def _key(row: Mapping[str, Any]) -> ProjectKey:
    values = {name: value for name, value in row.items() if name != "secret_hash"}
    return ProjectKey(**{**values, "scopes": frozenset(map(KeyScope, row["scopes"].split()))})


class SqliteProjectKeys:
    """`ProjectKeyRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(
        self,
        project_id: int,
        secret_hash: str,
        prefix: str,
        label: str,
        now_ms: int,
        scopes: frozenset[KeyScope] = TRACK_ONLY,
    ) -> ProjectKey:
        """See `ProjectKeyRecords.add`."""

        def insert(database: Database) -> ProjectKey:
            if not database.table("projects").count_where("id = ?", [project_id]):
                raise NotFoundError("project", project_id)
            row = {
                "project_id": project_id,
                "secret_hash": secret_hash,
                "prefix": prefix,
                "label": label,
                "created_ms": now_ms,
                "expires_ms": None,
                "last_used_ms": None,
                "scopes": " ".join(sorted(scopes)),
            }
            return _key(row | {"id": database.table("project_keys").insert(row).last_pk})

        return await self._database.write(insert)

    async def live(self, project_id: int, now_ms: int) -> Sequence[ProjectKey]:
        """See `ProjectKeyRecords.live`."""
        return await self._database.read(
            lambda database: [
                _key(row)
                for row in database.table("project_keys").rows_where(
                    f"project_id = ? and {_LIVE}", [project_id, now_ms], order_by="id desc"
                )
            ]
        )

    async def find(self, secret_hash: str, now_ms: int) -> tuple[ProjectKey, Project] | None:
        """See `ProjectKeyRecords.find`."""

        def look(database: Database) -> tuple[ProjectKey, Project] | None:
            rows = database.table("project_keys").rows_where(
                f"secret_hash = ? and {_LIVE}", [secret_hash, now_ms]
            )
            row = next(rows, None)
            if row is None:
                return None
            project = next(database.table("projects").rows_where("id = ?", [row["project_id"]]))
            return _key(row), project_of_row(project)

        return await self._database.read(look)

    async def expire(self, project_id: int, key_id: int, at_ms: int) -> ProjectKey:
        """See `ProjectKeyRecords.expire`."""

        def change(database: Database) -> ProjectKey:
            values = [project_id, key_id]
            database.execute(
                "update project_keys set expires_ms = min(coalesce(expires_ms, ?), ?)"
                " where project_id = ? and id = ?",
                [at_ms, at_ms, *values],
            )
            table = database.table("project_keys")
            row = next(table.rows_where("project_id = ? and id = ?", values), None)
            if row is None:
                raise NotFoundError("API key", key_id)
            return _key(row)

        return await self._database.write(change)

    async def revoke(self, project_id: int, key_id: int) -> None:
        """See `ProjectKeyRecords.revoke`."""

        def change(database: Database) -> None:
            statement = "delete from project_keys where project_id = ? and id = ?"
            if not database.execute(statement, [project_id, key_id]).rowcount:
                raise NotFoundError("API key", key_id)

        await self._database.write(change)

    async def touch(self, key_id: int, now_ms: int) -> None:
        """See `ProjectKeyRecords.touch`."""

        def update(database: Database) -> None:
            database.execute(
                "update project_keys set last_used_ms = ? where id = ?", [now_ms, key_id]
            )

        await self._database.write(update)
