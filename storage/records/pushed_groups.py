"""Pushed groups, table `pushed_groups`."""

import json
from collections.abc import Sequence

from sqlite_utils import Database, Migrations

from storage.api.pushed_groups import PushedGroup
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("pushed_groups")


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table; `key` is a JSON list of label pairs, sorted by name."""
    database.table("pushed_groups").create(
        {"key": str, "families": str, "pushed_ms": int, "failed_ms": int},
        pk="key",
        not_null={"families", "pushed_ms", "failed_ms"},
    )


class SqlitePushedGroups:
    """`PushedGroupRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def all(self) -> Sequence[PushedGroup]:
        """See `PushedGroupRecords.all`."""
        return await self._database.read(
            lambda database: [
                PushedGroup(
                    tuple((name, value) for name, value in json.loads(row["key"])),
                    row["families"],
                    row["pushed_ms"],
                    row["failed_ms"],
                )
                for row in database.table("pushed_groups").rows_where(order_by="key")
            ]
        )

    async def put(self, group: PushedGroup) -> None:
        """See `PushedGroupRecords.put`."""
        row = {
            "key": json.dumps(group.key),
            "families": group.families,
            "pushed_ms": group.pushed_ms,
            "failed_ms": group.failed_ms,
        }
        await self._database.write(lambda database: database.table("pushed_groups").upsert(row))

    async def remove(self, key: tuple[tuple[str, str], ...]) -> None:
        """See `PushedGroupRecords.remove`."""
        await self._database.write(
            lambda database: database.table("pushed_groups").delete_where(
                "key = ?", [json.dumps(key)]
            )
        )
