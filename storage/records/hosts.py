"""Registered hosts, table `hosts`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlite_utils import Database, Migrations

from model.labels import Labels
from storage.api.errors import NotFoundError, TakenError
from storage.api.hosts import IDENTITY, Host, NewHost, with_own_instance
from storage.records.database import RecordsDatabase
from storage.records.rows import decoded

MIGRATIONS = Migrations("hosts")


@MIGRATIONS()
def create(database: Database) -> None:
    """Create the table."""
    database.table("hosts").create(
        {
            "id": int,
            "name": str,
            "url": str,
            "labels": str,
            "interval_s": float,
            "timeout_s": float,
            "created_ms": int,
        },
        pk="id",
        not_null={"name", "url", "labels", "created_ms"},
    )
    database.table("hosts").create_index(["name"], unique=True)
    database.table("hosts").create_index(["url"], unique=True)


@MIGRATIONS()
def let_hosts_push(database: Database) -> None:
    """Allow any number of hosts without a URL: pushing hosts have none."""
    database.execute("drop index idx_hosts_url")
    database.execute("create unique index hosts_url on hosts(url) where url != ''")


def _host(row: dict[str, Any]) -> Host:
    return Host(**(row | {"labels": Labels.of(json.loads(row["labels"]))}))


def find_host(database: Database, host_id: int) -> Host | None:
    """Return the host with this id, None if there is none."""
    row = next(database.table("hosts").rows_where("id = ?", [host_id]), None)
    return None if row is None else _host(row)


def insert_host(database: Database, host: NewHost, now_ms: int) -> Host:
    """Add a host; runs in the caller's transaction.

    Raises:
        TakenError: another host has the name, the URL or the `instance` label already.
    """
    hosts = database.table("hosts")
    registered = [_host(row) for row in hosts.rows]
    for other in registered:
        if other.name == host.name:
            raise TakenError("host", "name", host.name)
        if host.url and other.url == host.url:
            raise TakenError("host", "url", host.url, f"its name is {other.name!r}")
    host = with_own_instance(host, {other.instance: other.name for other in registered})
    row = asdict(host) | {"labels": json.dumps(dict(host.labels)), "created_ms": now_ms}
    return _host(row | {"id": hosts.insert(row).last_pk})


class SqliteHosts:
    """`HostRecords` in SQLite."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    async def add(self, host: NewHost, now_ms: int) -> Host:
        """See `HostRecords.add`."""
        return await self._database.write(lambda database: insert_host(database, host, now_ms))

    async def remove(self, host_id: int) -> Host:
        """See `HostRecords.remove`."""

        def delete(database: Database) -> Host:
            host = find_host(database, host_id)
            if host is None:
                raise NotFoundError("host", host_id)
            database.table("hosts").delete(host_id)
            return host

        return await self._database.write(delete)

    async def relabel(self, host_id: int, labels: Labels) -> Host:
        """See `HostRecords.relabel`."""

        def change(database: Database) -> Host:
            host = find_host(database, host_id)
            if host is None:
                raise NotFoundError("host", host_id)
            own = {name: host.labels.get(name) for name in IDENTITY}
            tags = labels.drop(IDENTITY)
            relabelled = replace(host, labels=tags.overlaid(Labels.of(own)))
            row = {"labels": json.dumps(dict(relabelled.labels))}
            database.table("hosts").update(host_id, row)
            return relabelled

        return await self._database.write(change)

    async def all(self) -> Sequence[Host]:
        """See `HostRecords.all`."""
        return await self._database.read(
            lambda database: decoded(
                "hosts",
                database.table("hosts").rows_where(order_by="name"),
                _host,
                self._database.damage,
            )
        )
