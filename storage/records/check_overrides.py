"""Check overrides, table `check_overrides`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from storage.api.alerts import CheckOverride
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded


def _override(row: Mapping[str, Any]) -> CheckOverride:
    return CheckOverride(**{**row, "enabled": bool(row["enabled"])})


class SqliteCheckOverrides:
    """`CheckOverrideRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def overrides(self) -> Sequence[CheckOverride]:
        """See `CheckOverrideRecords.overrides`."""
        return await self._database.read(
            lambda database: decoded(
                "check_overrides",
                database.table("check_overrides").rows_where(order_by='instance, "check"'),
                _override,
                self._database.damage,
            )
        )

    async def set_override(self, override: CheckOverride) -> None:
        """See `CheckOverrideRecords.set_override`."""

        def replace(database: Database) -> None:
            database.table("check_overrides").upsert(asdict(override))

        await self._database.write(replace)

    async def remove_override(self, instance: str, check: str) -> None:
        """See `CheckOverrideRecords.remove_override`."""

        def delete(database: Database) -> None:
            database.table("check_overrides").delete_where(
                'instance = ? and "check" = ?', [instance, check]
            )

        await self._database.write(delete)
