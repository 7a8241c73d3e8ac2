"""Reads a journal file: its rows and layouts, in the server itself or beside it."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from storage.api.errors import CorruptDataError, StoreClosedError
from storage.database import SQLITE_ERRORS, Readers, translate
from storage.samples.catalog.label_encoding import HashedSeries
from storage.samples.catalog.tables import read_layout

T = TypeVar("T")

_ROWS_READ_AT_ONCE = 16


class JournalFile(ABC):
    """The reading half of a journal.

    Attributes:
        is_damaged: whether SQLite found the file damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_damaged = False

    @abstractmethod
    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read; blocks.

        Raises:
            StorageError: SQLite reports an error.
        """

    def series_of(self, layout_id: int) -> HashedSeries:
        """Read the series of a layout; blocks.

        Raises:
            CorruptDataError: the layout is missing or damaged.
            StorageError: SQLite reports an error.
        """
        return self.read(lambda connection: read_layout(connection, layout_id))

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and bytes of every row, oldest first; blocks.

        Damaged rows are skipped, and `is_damaged` is set.

        Raises:
            CorruptDataError: the first and last row number cannot be read.
        """
        at, last = self.read(_row_range)
        while at <= last:
            try:
                rows = self.read(partial(_rows_from, at))
            except CorruptDataError:
                self.is_damaged = True
                for row in range(at, at + _ROWS_READ_AT_ONCE):
                    with suppress(CorruptDataError):
                        yield from self.read(partial(_row_at, row))
                at += _ROWS_READ_AT_ONCE
                continue
            yield from rows
            at = rows[-1][0] + 1 if rows else last + 1


class JournalSnapshot(JournalFile):
    """A journal at one point in time, while a server may be writing it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._readers = Readers(path)
        self._connection: sqlite3.Connection | None = None

    def run(self, work: Callable[[], None]) -> None:
        """Run `work` so that all its reads see the same state of the file; blocks.

        Raises:
            StorageError: SQLite reports an error.
        """

        def snapshot(connection: sqlite3.Connection) -> None:
            connection.execute("begin")
            self._connection = connection
            try:
                work()
            finally:
                self._connection = None

        try:
            self._readers.read(snapshot)
        finally:
            self._readers.close()

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See `JournalFile.read`."""
        if self._connection is None:
            raise StoreClosedError(f"{self.path.name} is not open")
        try:
            return work(self._connection)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc


def _row_range(connection: sqlite3.Connection) -> tuple[int, int]:
    first, last = connection.execute("select min(id), max(id) from journal").fetchone()
    return first or 0, last or -1


def _rows_from(start: int, connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    return connection.execute(
        "select id, records from journal where id >= ? order by id limit ?",
        (start, _ROWS_READ_AT_ONCE),
    ).fetchall()


def _row_at(row: int, connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    return connection.execute("select id, records from journal where id = ?", (row,)).fetchall()
