"""Users, sessions and bearer tokens, tables `users` and `credentials`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database, Migrations

from storage.api.accounts import FULL_SCOPES, Credential, CredentialKind, Role, Scope, User
from storage.api.errors import LastAdminError, NotFoundError, TakenError
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("accounts")


# These may be in memory only while the disk refuses writes: a user can always log in again.
_SHORT_LIVED = frozenset({CredentialKind.SESSION, CredentialKind.JWT})

# Takes some megabytes.
_MAX_CACHED = 10_000

_SCHEMA = (
    # autoincrement: an id is never reused, so a credential of a removed user never belongs
    # to a later one.
    """
    create table users (
        id integer primary key autoincrement,
        name text not null,
        role text not null,
        password_hash text not null,
        created_ms integer not null
    )
    """,
    "create unique index users_name on users(name)",
    """
    create table credentials (
        id integer primary key autoincrement,
        user_id integer not null references users(id) on delete cascade,
        kind text not null,
        secret_hash text not null,
        label text not null,
        created_ms integer not null,
        expires_ms integer not null,
        last_used_ms integer not null
    )
    """,
    "create unique index credentials_secret_hash on credentials(secret_hash)",
    "create index credentials_user_id on credentials(user_id)",
)


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the tables, in SQL because sqlite-utils has no cascades and no autoincrement."""
    for statement in _SCHEMA:
        database.execute(statement)


@MIGRATIONS()
def add_scopes(database: Database) -> None:
    """Add the scopes of credentials, separated by spaces; existing ones get `write`."""
    database.execute("alter table credentials add column scopes text not null default 'write'")


def _user(row: Mapping[str, Any]) -> User:
    return User(**{**row, "role": Role(row["role"])})


def _credential(row: Mapping[str, Any]) -> Credential:
    scopes = frozenset(Scope(name) for name in row["scopes"].split())
    return Credential(**{**row, "kind": CredentialKind(row["kind"]), "scopes": scopes})


def _find(database: Database, name: str) -> User | None:
    row = _first(database, "select * from users where name = ?", name)
    return _user(row) if row is not None else None


def _first(database: Database, statement: str, key: object) -> Mapping[str, Any] | None:
    # Not `Table.rows_where`, which first asks for the names of all tables and views: twice
    # the time of the read itself, and anybody can ask for a login.
    return next(database.query(statement, [key]), None)


def _existing(database: Database, name: str) -> User:
    user = _find(database, name)
    if user is None:
        raise NotFoundError("user", name)
    return user


def _require_other_admin(database: Database, user: User) -> None:
    others = database.table("users").count_where(
        "role = ? and id != ?", [Role.ADMIN.value, user.id]
    )
    if user.role is Role.ADMIN and not others:
        raise LastAdminError(user.name)


class SqliteAccounts:
    """`AccountRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database
        # By hash. Devices send the same few keys thousands of times a second.
        self._credentials: dict[str, tuple[Credential, User]] = {}
        self._credentials_version = database.version

    async def users(self) -> Sequence[User]:
        """See `AccountRecords.users`."""
        return await self._database.read(
            lambda database: decoded(
                "users",
                database.table("users").rows_where(order_by="name"),
                _user,
                self._database.damage,
            )
        )

    async def user(self, name: str) -> User | None:
        """See `AccountRecords.user`."""
        return await self._database.read(lambda database: _find(database, name))

    async def add_user(self, name: str, role: Role, password_hash: str, now_ms: int) -> User:
        """See `AccountRecords.add_user`."""

        def insert(database: Database) -> User:
            if _find(database, name) is not None:
                raise TakenError("user", "name", name)
            row = {
                "name": name,
                "role": role.value,
                "password_hash": password_hash,
                "created_ms": now_ms,
            }
            return _user(row | {"id": database.table("users").insert(row).last_pk})

        return await self._database.write(insert)

    async def set_password(self, name: str, password_hash: str) -> None:
        """See `AccountRecords.set_password`."""

        def update(database: Database) -> None:
            user = _existing(database, name)
            database.table("users").update(user.id, {"password_hash": password_hash})
            database.table("credentials").delete_where("user_id = ?", [user.id])

        await self._database.write(update)

    async def set_role(self, name: str, role: Role) -> None:
        """See `AccountRecords.set_role`."""

        def update(database: Database) -> None:
            user = _existing(database, name)
            if role is not Role.ADMIN:
                _require_other_admin(database, user)
            database.table("users").update(user.id, {"role": role.value})

        await self._database.write(update)

    async def remove_user(self, name: str) -> None:
        """See `AccountRecords.remove_user`."""

        def delete(database: Database) -> None:
            user = _existing(database, name)
            _require_other_admin(database, user)
            database.table("users").delete(user.id)

        await self._database.write(delete)

    async def add_credential(
        self,
        user_id: int,
        kind: CredentialKind,
        secret_hash: str,
        label: str,
        now_ms: int,
        expires_ms: int,
        scopes: frozenset[Scope] = FULL_SCOPES,
    ) -> Credential:
        """See `AccountRecords.add_credential`."""
        row = {
            "user_id": user_id,
            "kind": kind.value,
            "secret_hash": secret_hash,
            "label": label,
            "created_ms": now_ms,
            "expires_ms": expires_ms,
            "last_used_ms": now_ms,
            "scopes": " ".join(sorted(scopes)),
        }

        def insert(database: Database) -> Credential:
            if next(database.table("users").rows_where("id = ?", [user_id]), None) is None:
                raise NotFoundError("user", user_id)
            credentials = database.table("credentials")
            credentials.delete_where("user_id = ? and expires_ms <= ?", [user_id, now_ms])
            return _credential(row | {"id": credentials.insert(row).last_pk})

        # A session may live in memory; a lasting token is acknowledged only once it is on disk.
        may_wait = kind in _SHORT_LIVED
        return await (self._database.keep if may_wait else self._database.write)(insert)

    async def credential(self, secret_hash: str, now_ms: int) -> tuple[Credential, User] | None:
        """See `AccountRecords.credential`."""
        version = self._database.version
        if self._credentials_version is not version:
            self._credentials, self._credentials_version = {}, version
        cached = self._credentials
        found = cached.get(secret_hash)
        if found is None:
            found = await self._read_credential(secret_hash)
            if found is None:
                return None
            if self._database.version is version and len(cached) < _MAX_CACHED:
                cached[secret_hash] = found
        return found if found[0].expires_ms > now_ms else None

    async def _read_credential(self, secret_hash: str) -> tuple[Credential, User] | None:
        def find(database: Database) -> tuple[Credential, User] | None:
            row = _first(database, "select * from credentials where secret_hash = ?", secret_hash)
            if row is None:
                return None
            # None if the user was removed between the two reads.
            user = _first(database, "select * from users where id = ?", row["user_id"])
            return None if user is None else (_credential(row), _user(user))

        return await self._database.read(find)

    async def credentials(self, user_id: int, now_ms: int) -> Sequence[Credential]:
        """See `AccountRecords.credentials`."""
        return await self._database.read(
            lambda database: [
                _credential(row)
                for row in database.table("credentials").rows_where(
                    "user_id = ? and expires_ms > ?", [user_id, now_ms], order_by="id desc"
                )
            ]
        )

    async def touch_credential(self, credential_id: int, now_ms: int) -> None:
        """See `AccountRecords.touch_credential`."""

        def touch(database: Database) -> None:
            # The clock may go back; a revoked credential is no error.
            database.execute(
                "update credentials set last_used_ms = max(last_used_ms, ?) where id = ?",
                [now_ms, credential_id],
            )

        await self._database.keep(touch)

    async def revoke_credential(self, secret_hash: str) -> None:
        """See `AccountRecords.revoke_credential`."""

        def delete(database: Database) -> None:
            database.table("credentials").delete_where("secret_hash = ?", [secret_hash])

        await self._database.keep(delete)

    async def revoke_credentials(self, user_id: int, kept_id: int | None = None) -> int:
        """See `AccountRecords.revoke_credentials`."""

        def delete(database: Database) -> int:
            # Ids begin at 1, so 0 excludes no credential.
            return database.execute(
                "delete from credentials where user_id = ? and id != ?", [user_id, kept_id or 0]
            ).rowcount

        return await self._database.keep(delete)
