"""Saved views of the hosts page, table `host_views`."""

from collections.abc import Sequence

from sqlite_utils import Database, Migrations

from storage.api.fleet.host_views import MOST_VIEWS, HostView, TooManyViewsError
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("host_views")


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table; it references `users`, which must exist."""
    database.execute(
        """
        create table host_views (
            user_id integer not null references users(id) on delete cascade,
            name text not null,
            query text not null,
            primary key (user_id, name)
        )
        """
    )


class SqliteHostViews:
    """`HostViewRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def put(self, view: HostView) -> None:
        """See `HostViewRecords.put`."""

        def replace(database: Database) -> None:
            views = database.table("host_views")
            others = views.count_where("user_id = ? and name != ?", [view.user_id, view.name])
            if others >= MOST_VIEWS:
                raise TooManyViewsError
            row = {"user_id": view.user_id, "name": view.name, "query": view.query}
            views.upsert(row)

        await self._database.write(replace)

    async def remove(self, user_id: int, name: str) -> None:
        """See `HostViewRecords.remove`."""
        await self._database.write(
            lambda database: database.table("host_views").delete_where(
                "user_id = ? and name = ?", [user_id, name]
            )
        )

    async def of_user(self, user_id: int) -> Sequence[HostView]:
        """See `HostViewRecords.of_user`."""
        return await self._database.read(
            lambda database: decoded(
                "host_views",
                database.table("host_views").rows_where(
                    "user_id = ?", [user_id], order_by="name collate nocase"
                ),
                lambda row: HostView(**row),
                self._database.damage,
            )
        )
