"""Preferences of users, table `preferences`."""

from dataclasses import asdict
from typing import Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError
from storage.api.people.preferences import NO_PREFERENCES, Preferences
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("preferences")

_MAX_CACHED: Final = 10_000

_SCHEMA: Final = """
create table preferences (
    user_id integer primary key references users(id) on delete cascade,
    zone text not null, language text not null, theme text not null,
    steps_hidden integer not null)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table; it references `users`, which must exist."""
    database.execute(_SCHEMA)


class SqlitePreferences:
    """`PreferenceRecords` in SQLite, with a cache: each page asks for them."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database
        self._known: dict[int, Preferences] = {}
        self._version = database.version

    async def get(self, user_id: int) -> Preferences:
        """See `PreferenceRecords.get`."""
        version = self._database.version
        if self._version is not version:
            self._known, self._version = {}, version
        known = self._known
        found = known.get(user_id)
        if found is None:
            found = await self._database.read(lambda database: _find(database, user_id))
            if self._database.version is version and len(known) < _MAX_CACHED:
                known[user_id] = found
        return found

    async def put(self, user_id: int, preferences: Preferences) -> None:
        """See `PreferenceRecords.put`."""

        def replace(database: Database) -> None:
            if next(database.table("users").rows_where("id = ?", [user_id]), None) is None:
                raise NotFoundError("user", user_id)
            row = {"user_id": user_id, **asdict(preferences)}
            database.table("preferences").insert(row, pk="user_id", replace=True)

        await self._database.keep(replace)


def _find(database: Database, user_id: int) -> Preferences:
    row = next(database.table("preferences").rows_where("user_id = ?", [user_id]), None)
    if row is None:
        return NO_PREFERENCES
    return Preferences(
        row["zone"], row["language"], row["theme"], steps_hidden=bool(row["steps_hidden"])
    )
