"""Receivers that were added in the UI, table `added_receivers`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.receivers.added_receivers import AddedReceiver
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("added_receivers")

_SCHEMA: Final = """
create table added_receivers (
    name text primary key, kind text not null, sealed_url text not null,
    created_ms integer not null, tested_ms integer)
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table."""
    database.execute(_SCHEMA)


class SqliteAddedReceivers:
    """`AddedReceiverRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def all(self) -> Sequence[AddedReceiver]:
        """See `AddedReceiverRecords.all`."""
        return await self._database.read(
            lambda database: [
                AddedReceiver(**row)
                for row in database.table("added_receivers").rows_where(order_by="created_ms, name")
            ]
        )

    async def add(self, receiver: AddedReceiver) -> None:
        """See `AddedReceiverRecords.add`."""

        def insert(database: Database) -> None:
            table = database.table("added_receivers")
            if next(table.rows_where("name = ?", [receiver.name]), None) is not None:
                raise TakenError("receiver", "name", receiver.name)
            table.insert(asdict(receiver))

        await self._database.write(insert)

    async def set_tested(self, name: str, now_ms: int) -> None:
        """See `AddedReceiverRecords.set_tested`."""

        def update(database: Database) -> None:
            database.execute(
                "update added_receivers set tested_ms = ? where name = ?", [now_ms, name]
            )

        await self._database.keep(update)

    async def remove(self, name: str) -> None:
        """See `AddedReceiverRecords.remove`."""

        def delete(database: Database) -> None:
            if not database.execute("delete from added_receivers where name = ?", [name]).rowcount:
                raise NotFoundError("receiver", name)

        await self._database.write(delete)
