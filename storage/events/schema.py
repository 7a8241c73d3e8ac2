"""The tables of `events.duckdb`."""

from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from storage.api.errors import StorageError
from storage.events.agent_sessions.tables import prepare_agent_tables
from storage.events.persons.property_rows import create_person_properties

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FORMAT_VERSION: Final = 1
_KEY_BYTES: Final = 16

_TABLES: Final = (
    "create table if not exists store (version integer not null, key blob not null)",
    # id: the hash of project and event id. person: the hash of project and distinct id.
    """
    create table if not exists events (
        project uinteger not null, name uinteger not null, time_ms bigint not null,
        person ubigint not null, sequence bigint not null, received_ms bigint not null,
        id ubigint not null, is_future boolean not null, distinct_id varchar not null,
        properties varchar not null)
    """,
    "create table if not exists names (project uinteger, id uinteger, name varchar)",
    """
    create table if not exists requests (
        project uinteger not null, time_ms bigint not null, sequence bigint not null,
        method varchar not null, route varchar not null, path varchar not null,
        status usmallint not null, duration_us ubigint not null, request_bytes ubigint,
        response_bytes ubigint, consumer varchar not null, client varchar not null,
        version varchar not null)
    """,
    # person: the hash for which all distinct ids of one person count.
    "create table if not exists identities (project uinteger, alias ubigint, person ubigint)",
    """
    create table if not exists exclusions (
        project uinteger not null, hour bigint not null, reason varchar not null,
        events ubigint not null)
    """,
    # The number of the last record of the journal that is in the tables.
    "create table if not exists folded (record ubigint not null)",
)


def prepare(connection: "DuckDBPyConnection") -> bytes:
    """Create missing tables; return the key of the hashes.

    Raises:
        StorageError: another release has written the file.
    """
    for statement in _TABLES:
        connection.execute(statement)
    create_person_properties(connection)
    prepare_agent_tables(connection)
    row = connection.execute("select version, key from store").fetchone()
    if row is None:
        key = token_bytes(_KEY_BYTES)
        connection.execute("insert into store values (?, ?)", [_FORMAT_VERSION, key])
        return key
    version, key = row
    if version != _FORMAT_VERSION:
        raise StorageError(
            f"events.duckdb has version {version}, not {_FORMAT_VERSION}:"
            " it was written by another release"
        )
    return bytes(key)


def folded_number(connection: "DuckDBPyConnection") -> int:
    """Return the number of the last record of the journal that is in the tables."""
    ((number,),) = connection.execute("select coalesce(max(record), 0) from folded").fetchall()
    return int(number)


def set_folded_number(connection: "DuckDBPyConnection", number: int) -> None:
    """Store the number in the caller's transaction."""
    connection.execute("delete from folded")
    connection.execute("insert into folded values (?)", [number])
