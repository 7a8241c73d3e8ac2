"""Keys of pushing hosts, table `host_keys`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlite_utils import Database, Migrations

from storage.api.errors import NotFoundError, TakenError
from storage.api.host_keys import HostKey, fingerprint
from storage.api.hosts import Host, NewHost
from storage.records.database import RecordsDatabase
from storage.records.hosts import find_host, insert_host

MIGRATIONS = Migrations("host_keys")

_SCHEMA = (
    """
    create table host_keys (
        id integer primary key autoincrement,
        host_id integer not null references hosts(id) on delete cascade,
        secret_hash text not null,
        created_ms integer not null,
        expires_ms integer,
        last_used_ms integer
    )
    """,
    "create unique index host_keys_secret_hash on host_keys(secret_hash)",
    "create index host_keys_host_id on host_keys(host_id)",
)

_LIVE = "(expires_ms is null or expires_ms > ?)"


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table, in SQL because sqlite-utils has no cascades and no autoincrement."""
    for statement in _SCHEMA:
        database.execute(statement)


def _insert_key(database: Database, host_id: int, secret_hash: str, now_ms: int) -> HostKey:
    """Add a key; runs in the caller's transaction.

    Raises:
        TakenError: the key is already in use.
    """
    keys = database.table("host_keys")
    # An expired key with this hash may be replaced.
    keys.delete_where("secret_hash = ? and expires_ms <= ?", [secret_hash, now_ms])
    if next(keys.rows_where("secret_hash = ?", [secret_hash]), None):
        raise TakenError("host key", "key", fingerprint(secret_hash))
    row = {
        "host_id": host_id,
        "secret_hash": secret_hash,
        "created_ms": now_ms,
        "expires_ms": None,
        "last_used_ms": None,
    }
    return _key(row | {"id": keys.insert(row).last_pk})


def _key(row: Mapping[str, Any]) -> HostKey:
    return HostKey(**row)


class SqliteHostKeys:
    """`HostKeyRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add_host(self, host: NewHost, secret_hash: str, now_ms: int) -> tuple[Host, HostKey]:
        """See `HostKeyRecords.add_host`."""

        def insert(database: Database) -> tuple[Host, HostKey]:
            added = insert_host(database, host, now_ms)
            return added, _insert_key(database, added.id, secret_hash, now_ms)

        return await self._database.write(insert)

    async def live(self, now_ms: int) -> Sequence[HostKey]:
        """See `HostKeyRecords.live`."""
        return await self._database.read(
            lambda database: [
                _key(row)
                for row in database.table("host_keys").rows_where(
                    _LIVE, [now_ms], order_by="host_id, id desc"
                )
            ]
        )

    async def find(self, secret_hash: str, now_ms: int) -> tuple[HostKey, Host] | None:
        """See `HostKeyRecords.find`."""

        def look(database: Database) -> tuple[HostKey, Host] | None:
            rows = database.table("host_keys").rows_where(
                f"secret_hash = ? and {_LIVE}", [secret_hash, now_ms]
            )
            row = next(rows, None)
            if row is None:
                return None
            host = find_host(database, row["host_id"])
            return (_key(row), host) if host is not None else None

        return await self._database.read(look)

    async def rotate(
        self, host_id: int, secret_hash: str, now_ms: int, old_until_ms: int
    ) -> HostKey:
        """See `HostKeyRecords.rotate`."""

        def replace(database: Database) -> HostKey:
            host = find_host(database, host_id)
            if host is None or not host.pushes:
                raise NotFoundError("pushing host", host_id)
            database.execute(
                "update host_keys set expires_ms = min(coalesce(expires_ms, ?), ?)"
                " where host_id = ?",
                [old_until_ms, old_until_ms, host_id],
            )
            database.execute(
                "delete from host_keys where host_id = ? and expires_ms <= ?", [host_id, now_ms]
            )
            return _insert_key(database, host_id, secret_hash, now_ms)

        return await self._database.write(replace)

    async def revoke(self, host_id: int) -> int:
        """See `HostKeyRecords.revoke`."""
        return await self._database.write(
            lambda database: (
                database.execute("delete from host_keys where host_id = ?", [host_id]).rowcount
            )
        )

    async def touch(self, key_id: int, now_ms: int) -> None:
        """See `HostKeyRecords.touch`."""

        def update(database: Database) -> None:
            database.execute("update host_keys set last_used_ms = ? where id = ?", [now_ms, key_id])

        await self._database.write(update)
