"""Identities of users at providers of OpenID Connect, table `external_identities`."""

from typing import Final

from sqlite_utils import Database, Migrations

from storage.api.accounts import Role, User
from storage.api.errors import NotFoundError, TakenError
from storage.api.people.external_identities import ExternalIdentity
from storage.records.database import RecordsDatabase

MIGRATIONS = Migrations("external_identities")

_SCHEMA: Final = """
create table external_identities (
    issuer text not null, subject text not null,
    user_id integer not null references users(id) on delete cascade,
    primary key (issuer, subject))
"""


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table; it references `users`, which must exist."""
    database.execute(_SCHEMA)
    database.execute("create index external_identities_user_id on external_identities(user_id)")


class SqliteExternalIdentities:
    """`ExternalIdentityRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def find(self, identity: ExternalIdentity) -> User | None:
        """See `ExternalIdentityRecords.find`."""
        return await self._database.read(lambda database: _find(database, identity))

    async def link(self, user_id: int, identity: ExternalIdentity) -> None:
        """See `ExternalIdentityRecords.link`."""

        def insert(database: Database) -> None:
            if next(database.table("users").rows_where("id = ?", [user_id]), None) is None:
                raise NotFoundError("user", user_id)
            present = _find(database, identity)
            if present is not None and present.id != user_id:
                raise TakenError("external identity", "subject", identity.subject)
            row = {"issuer": identity.issuer, "subject": identity.subject, "user_id": user_id}
            database.table("external_identities").insert(row, replace=True)

        await self._database.write(insert)


def _find(database: Database, identity: ExternalIdentity) -> User | None:
    rows = database.query(
        "select users.* from users join external_identities on user_id = users.id"
        " where issuer = ? and subject = ?",
        [identity.issuer, identity.subject],
    )
    row = next(iter(rows), None)
    return None if row is None else User(**{**row, "role": Role(row["role"])})
