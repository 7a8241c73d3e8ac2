"""The queries of users, tables `query_history` and `saved_queries`."""

from collections.abc import Sequence
from typing import Any, Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.people.queries import RanQuery, SavedQuery, TooManyQueriesError
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("queries")
MOST_REMEMBERED: Final = 100
MOST_SAVED: Final = 500

_SCHEMA: Final = (
    """
    create table query_history (
        user_id integer not null references users(id) on delete cascade,
        query text not null, ran_ms integer not null, runs integer not null,
        primary key (user_id, query))
    """,
    """
    create table saved_queries (
        id integer primary key autoincrement,
        user_id integer not null references users(id) on delete cascade,
        name text not null, query text not null, saved_ms integer not null,
        unique (user_id, name))
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no cascades."""
    for statement in _SCHEMA:
        database.execute(statement)


class SqliteQueries:
    """`QueryRecords` in SQLite."""

    def __init__(
        self,
        database: RecordsDatabase,
        most_remembered: int = MOST_REMEMBERED,
        most_saved: int = MOST_SAVED,
    ) -> None:
        self._database = database
        self._most_remembered, self._most_saved = most_remembered, most_saved

    async def history(self, user_id: int) -> Sequence[RanQuery]:
        """See `QueryRecords.history`."""
        query = (
            "select query, ran_ms, runs from query_history where user_id = ?"
            " order by ran_ms desc, query"
        )
        return await self._database.read(
            lambda database: [RanQuery(**row) for row in database.query(query, [user_id])]
        )

    async def remember(self, user_id: int, query: str, now_ms: int) -> None:
        """See `QueryRecords.remember`."""

        def write(database: Database) -> None:
            _require_user(database, user_id)
            database.execute(
                "insert into query_history values (?, ?, ?, 1) on conflict (user_id, query)"
                " do update set ran_ms = excluded.ran_ms, runs = runs + 1",
                [user_id, query, now_ms],
            )
            database.execute(
                "delete from query_history where user_id = ? and query not in (select query from"
                " query_history where user_id = ? order by ran_ms desc, query limit ?)",
                [user_id, user_id, self._most_remembered],
            )

        await self._database.keep(write)

    async def forget(self, user_id: int) -> None:
        """See `QueryRecords.forget`."""

        def delete(database: Database) -> None:
            database.execute("delete from query_history where user_id = ?", [user_id])

        await self._database.write(delete)

    async def saved(self, user_id: int) -> Sequence[SavedQuery]:
        """See `QueryRecords.saved`."""
        query = (
            "select id, name, query, saved_ms from saved_queries where user_id = ?"
            " order by name collate nocase, id"
        )
        return await self._database.read(
            lambda database: [SavedQuery(**row) for row in database.query(query, [user_id])]
        )

    async def save(self, user_id: int, name: str, query: str, now_ms: int) -> SavedQuery:
        """See `QueryRecords.save`."""

        def write(database: Database) -> SavedQuery:
            _require_user(database, user_id)
            table = database.table("saved_queries")
            known = table.count_where("user_id = ? and name = ?", [user_id, name])
            if not known and table.count_where("user_id = ?", [user_id]) >= self._most_saved:
                raise TooManyQueriesError(self._most_saved)
            database.execute(
                "insert into saved_queries (user_id, name, query, saved_ms) values (?, ?, ?, ?)"
                " on conflict (user_id, name) do update set query = excluded.query,"
                " saved_ms = excluded.saved_ms",
                [user_id, name, query, now_ms],
            )
            found: Any = next(
                database.query(
                    "select id, name, query, saved_ms from saved_queries"
                    " where user_id = ? and name = ?",
                    [user_id, name],
                )
            )
            return SavedQuery(**found)

        return await self._database.write(write)

    async def remove(self, user_id: int, query_id: int) -> None:
        """See `QueryRecords.remove`."""

        def delete(database: Database) -> None:
            statement = "delete from saved_queries where user_id = ? and id = ?"
            if not database.execute(statement, [user_id, query_id]).rowcount:
                raise NotFoundError("query", query_id)

        await self._database.write(delete)


def _require_user(database: Database, user_id: int) -> None:
    if not database.table("users").count_where("id = ?", [user_id]):
        raise NotFoundError("user", user_id)
