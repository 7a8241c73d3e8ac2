"""Folds what the journal holds when a database is opened."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from storage.events.appending.tables import TableWriter
from storage.events.hashing import Hasher
from storage.events.journal import EventJournal
from storage.events.schema import folded_number, prepare

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def fold_files(connection: "DuckDBPyConnection", path: Path) -> None:
    """Write the journal's files beside a database into its tables, and delete them.

    Raises:
        StorageError: a file cannot be read, or belongs to another database.
        duckdb.Error: the tables cannot be written.
    """
    hasher = Hasher(prepare(connection))
    journal, tables = EventJournal(path), TableWriter()
    journal.open(hasher.mark, folded_number(connection))
    tables.load(connection, hasher)
    fold_pending(connection, journal, tables)


def fold_pending(
    connection: "DuckDBPyConnection", journal: EventJournal, tables: TableWriter
) -> None:
    """Write what a journal has read at its opening into the tables.

    Raises:
        duckdb.Error: nothing was written; it is pending still.
    """
    batches = journal.begin_fold()
    if not batches:
        return
    connection.execute("begin")
    try:
        tables.write(connection, batches)
        connection.execute("commit")
    except BaseException:
        tables.set_stale()
        with suppress(Exception):
            connection.execute("rollback")
        raise
    journal.forget(batches[-1][0])
