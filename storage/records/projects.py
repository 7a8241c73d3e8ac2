"""Projects and their members, tables `projects` and `project_members`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database, Migrations

from storage.api.errors import LastOwnerError, NotFoundError, TakenError
from storage.api.projects import (
    CollectionSettings,
    Member,
    Project,
    ProjectRole,
    ProjectSettings,
)
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("projects")

_SCHEMA = (
    """
    create table projects (
        id integer primary key autoincrement,
        key text not null unique,
        created_ms integer not null,
        name text not null,
        time_zone text not null,
        week_start integer not null,
        retention_days integer not null,
        is_active integer not null
    )
    """,
    """
    create table project_members (
        project_id integer not null references projects(id) on delete cascade,
        user_id integer not null references users(id) on delete cascade,
        role text not null,
        primary key (project_id, user_id)
    )
    """,
    "create index project_members_user_id on project_members(user_id)",
)

_MEMBERS = """
select users.name, project_members.role from project_members
join users on users.id = project_members.user_id where project_id = ? order by users.name
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no cascades and no autoincrement."""
    for statement in _SCHEMA:
        database.execute(statement)


@MIGRATIONS()
def choose_what_is_collected(database: Database) -> None:
    """Add the settings of sessions and of events that web pages send."""
    for column in ("session_idle_s integer not null default 1800", "collection text"):
        database.execute(f"alter table projects add column {column}")


@MIGRATIONS()
def limit_events(database: Database) -> None:
    """Add the limit of what a project may send."""
    database.execute("alter table projects add column events_per_second integer not null default 0")


def project_of_row(row: Mapping[str, Any]) -> Project:
    """Return the project in a row of `projects`."""
    return Project(
        row["id"],
        row["key"],
        row["created_ms"],
        ProjectSettings(
            row["name"],
            row["time_zone"],
            row["week_start"],
            row["retention_days"],
            bool(row["is_active"]),
            row["session_idle_s"],
            _collection(row["collection"]),
            row["events_per_second"],
        ),
    )


def _collection(text: str | None) -> CollectionSettings:
    found: dict[str, list[str]] = json.loads(text) if text else {}
    return CollectionSettings(**{name: tuple(values) for name, values in found.items()})


def _columns(settings: ProjectSettings) -> dict[str, Any]:
    return {
        "name": settings.name,
        "time_zone": settings.time_zone,
        "week_start": settings.week_start,
        "retention_days": settings.retention_days,
        "is_active": int(settings.is_active),
        "session_idle_s": settings.session_idle_s,
        "collection": json.dumps(asdict(settings.collection)),
        "events_per_second": settings.events_per_second,
    }


def _user_id(database: Database, name: str) -> int:
    row = next(database.query("select id from users where name = ?", [name]), None)
    if row is None:
        raise NotFoundError("user", name)
    return int(row["id"])


def _require_other_owner(database: Database, project_id: int, user_id: int, user: str) -> None:
    """Raise LastOwnerError if a user is the only owner of a project."""
    rows = database.query(
        "select user_id from project_members where project_id = ? and role = ?",
        [project_id, ProjectRole.OWNER],
    )
    if [row["user_id"] for row in rows] == [user_id]:
        raise LastOwnerError(user)


class SqliteProjects:
    """`ProjectRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(
        self, key: str, settings: ProjectSettings, owner_id: int | None, now_ms: int
    ) -> Project:
        """See `ProjectRecords.add`."""

        def insert(database: Database) -> Project:
            projects = database.table("projects")
            if next(projects.rows_where("key = ?", [key]), None):
                raise TakenError("project", "key", key)
            row = {"key": key, "created_ms": now_ms, **_columns(settings)}
            row["id"] = projects.insert(row).last_pk
            if owner_id is not None:
                if not database.table("users").count_where("id = ?", [owner_id]):
                    raise NotFoundError("user", owner_id)
                database.table("project_members").insert(
                    {"project_id": row["id"], "user_id": owner_id, "role": ProjectRole.OWNER.value}
                )
            return project_of_row(row)

        return await self._database.write(insert)

    async def all(self) -> Sequence[Project]:
        """See `ProjectRecords.all`."""
        return await self._database.read(
            lambda database: [
                project_of_row(row) for row in database.table("projects").rows_where(order_by="id")
            ]
        )

    async def of_user(self, user_id: int) -> Sequence[tuple[Project, ProjectRole]]:
        """See `ProjectRecords.of_user`."""
        query = (
            "select projects.*, role from projects join project_members"
            " on project_id = projects.id where user_id = ? order by projects.id"
        )
        return await self._database.read(
            lambda database: [
                (project_of_row(row), ProjectRole(row["role"]))
                for row in database.query(query, [user_id])
            ]
        )

    async def find(self, key: str) -> Project | None:
        """See `ProjectRecords.find`."""

        def look(database: Database) -> Project | None:
            row = next(database.table("projects").rows_where("key = ?", [key]), None)
            return None if row is None else project_of_row(row)

        return await self._database.read(look)

    async def role(self, project_id: int, user_id: int) -> ProjectRole | None:
        """See `ProjectRecords.role`."""

        def look(database: Database) -> ProjectRole | None:
            rows = database.table("project_members").rows_where(
                "project_id = ? and user_id = ?", [project_id, user_id]
            )
            row = next(rows, None)
            return None if row is None else ProjectRole(row["role"])

        return await self._database.read(look)

    async def change(self, project_id: int, settings: ProjectSettings) -> Project:
        """See `ProjectRecords.change`."""

        def update(database: Database) -> Project:
            projects = database.table("projects")
            row = next(projects.rows_where("id = ?", [project_id]), None)
            if row is None:
                raise NotFoundError("project", project_id)
            projects.update(project_id, _columns(settings))
            return project_of_row(row | _columns(settings))

        return await self._database.write(update)

    async def remove(self, project_id: int) -> None:
        """See `ProjectRecords.remove`."""

        def delete(database: Database) -> None:
            database.execute("delete from projects where id = ?", [project_id])

        await self._database.write(delete)

    async def members(self, project_id: int) -> Sequence[Member]:
        """See `ProjectRecords.members`."""
        return await self._database.read(
            lambda database: [
                Member(row["name"], ProjectRole(row["role"]))
                for row in database.query(_MEMBERS, [project_id])
            ]
        )

    async def set_member(self, project_id: int, user: str, role: ProjectRole) -> None:
        """See `ProjectRecords.set_member`."""

        def update(database: Database) -> None:
            user_id = _user_id(database, user)
            if role is not ProjectRole.OWNER:
                _require_other_owner(database, project_id, user_id, user)
            database.execute(
                "insert into project_members values (?, ?, ?)"
                " on conflict (project_id, user_id) do update set role = excluded.role",
                [project_id, user_id, role.value],
            )

        await self._database.write(update)

    async def remove_member(self, project_id: int, user: str) -> None:
        """See `ProjectRecords.remove_member`."""

        def delete(database: Database) -> None:
            row = next(database.query("select id from users where name = ?", [user]), None)
            if row is None:
                return
            _require_other_owner(database, project_id, row["id"], user)
            database.execute(
                "delete from project_members where project_id = ? and user_id = ?",
                [project_id, row["id"]],
            )

        await self._database.write(delete)
