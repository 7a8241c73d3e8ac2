"""Second factors, tables `second_factors` and `recovery_codes`."""

from collections.abc import Collection

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.people.second_factors import SecondFactor
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("second_factors")

_SCHEMA = (
    """
    create table second_factors (
        user_id integer primary key references users(id) on delete cascade,
        sealed_secret text not null,
        confirmed_ms integer,
        last_step integer not null default 0
    )
    """,
    """
    create table recovery_codes (
        user_id integer not null references second_factors(user_id) on delete cascade,
        code_hash text not null,
        primary key (user_id, code_hash)
    )
    """,
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables; they reference `users`, which must exist."""
    for statement in _SCHEMA:
        database.execute(statement)


def _find(database: Database, user_id: int) -> SecondFactor | None:
    row = next(database.table("second_factors").rows_where("user_id = ?", [user_id]), None)
    if row is None:
        return None
    codes = database.table("recovery_codes").count_where("user_id = ?", [user_id])
    return SecondFactor(user_id, row["sealed_secret"], row["confirmed_ms"], codes)


def _insert_codes(database: Database, user_id: int, code_hashes: Collection[str]) -> None:
    database.table("recovery_codes").insert_all(
        {"user_id": user_id, "code_hash": code_hash} for code_hash in code_hashes
    )


class SqliteSecondFactors:
    """`SecondFactorRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def begin(self, user_id: int, sealed_secret: str) -> None:
        """See `SecondFactorRecords.begin`."""

        def replace(database: Database) -> None:
            if next(database.table("users").rows_where("id = ?", [user_id]), None) is None:
                raise NotFoundError("user", user_id)
            present = _find(database, user_id)
            if present is not None and present.confirmed_ms is not None:
                raise TakenError("second factor", "user", str(user_id))
            database.execute("delete from second_factors where user_id = ?", [user_id])
            database.table("second_factors").insert(
                {"user_id": user_id, "sealed_secret": sealed_secret}
            )

        await self._database.write(replace)

    async def find(self, user_id: int) -> SecondFactor | None:
        """See `SecondFactorRecords.find`."""
        return await self._database.read(lambda database: _find(database, user_id))

    async def confirm(
        self, user_id: int, step: int, code_hashes: Collection[str], now_ms: int
    ) -> bool:
        """See `SecondFactorRecords.confirm`."""

        def confirm(database: Database) -> bool:
            confirmed = database.execute(
                "update second_factors set confirmed_ms = ?, last_step = ?"
                " where user_id = ? and confirmed_ms is null",
                [now_ms, step, user_id],
            )
            if confirmed.rowcount != 1:
                return False
            _insert_codes(database, user_id, code_hashes)
            return True

        return await self._database.write(confirm)

    async def use_step(self, user_id: int, step: int) -> bool:
        """See `SecondFactorRecords.use_step`."""
        return await self._change(
            "update second_factors set last_step = ?2 where user_id = ?1 and last_step < ?2",
            user_id,
            step,
        )

    async def renew_recovery_codes(
        self, user_id: int, step: int, code_hashes: Collection[str]
    ) -> bool:
        """See `SecondFactorRecords.renew_recovery_codes`."""

        def renew(database: Database) -> bool:
            used = database.execute(
                "update second_factors set last_step = ?2"
                " where user_id = ?1 and last_step < ?2 and confirmed_ms is not null",
                [user_id, step],
            )
            if used.rowcount != 1:
                return False
            database.execute("delete from recovery_codes where user_id = ?", [user_id])
            _insert_codes(database, user_id, code_hashes)
            return True

        return await self._database.write(renew)

    async def use_recovery_code(self, user_id: int, code_hash: str) -> bool:
        """See `SecondFactorRecords.use_recovery_code`."""
        return await self._change(
            "delete from recovery_codes where user_id = ? and code_hash = ?", user_id, code_hash
        )

    async def remove(self, user_id: int) -> bool:
        """See `SecondFactorRecords.remove`."""
        return await self._database.write(
            lambda database: (
                database.execute("delete from second_factors where user_id = ?", [user_id]).rowcount
                == 1
            )
        )

    async def users(self) -> frozenset[int]:
        """See `SecondFactorRecords.users`."""
        return await self._database.read(
            lambda database: frozenset(
                row["user_id"]
                for row in database.table("second_factors").rows_where("confirmed_ms is not null")
            )
        )

    async def _change(self, statement: str, *arguments: int | str) -> bool:
        """Run a statement of a login, which must succeed while the disk refuses writes."""
        return await self._database.keep(
            lambda database: database.execute(statement, list(arguments)).rowcount == 1
        )
