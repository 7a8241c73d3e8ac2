"""Salvage: reads the rows of a damaged `records.db` that can still be read.

The result is a new file beside it; the damaged file stays until the new one is complete.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import structlog

from model.conditions import RECORDS_REBUILT, Conditions
from storage.api.errors import CorruptDataError, StorageError
from storage.damage import RESTORE
from storage.database import SQLITE_ERRORS, set_aside, translate
from storage.records.row_changes import TableShape, table_shapes
from storage.syncing import sync

log = structlog.get_logger(__name__)

# Rows are read in ranges; a range that cannot be read is read row by row.
_ROWS_READ_AT_ONCE = 64
# Without the largest rowid of a table, reading ends after so many rowids without a row.
_MOST_MISSING = 4_096

# Without these rows, nobody could log in, or hosts would vanish without an alert.
_ESSENTIAL = ("users", "hosts")

NO_REBUILD_FIX = (
    "restore a backup with `redshank restore`, or move the file away to start"
    " without hosts, users and alerts"
)
"""What to do where `rebuild` fails."""


def rebuild(damaged: Path, known: sqlite3.Connection | None = None) -> tuple[str, int]:
    """Replace a damaged file by one with all rows that can be read; blocks.

    Args:
        damaged: the file; no connection writes it.
        known: has the same tables, and rows that are newer than those of the file.

    Returns:
        The name under which the damaged file is kept, and the number of unreadable places.

    Raises:
        CorruptDataError: users or hosts cannot be read; the file is left as it is.
        StorageError: the disk refuses the new file.
    """
    new = damaged.with_name(damaged.name + ".rebuilt")
    new.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as target:
            lost = _fill(target, damaged, known)
    except SQLITE_ERRORS as exc:
        new.unlink(missing_ok=True)
        raise translate(damaged, exc) from exc
    except CorruptDataError:
        new.unlink(missing_ok=True)
        raise
    kept_as = set_aside(damaged)
    new.rename(damaged)
    sync(damaged.parent)
    return kept_as, lost


def _fill(target: sqlite3.Connection, damaged: Path, known: sqlite3.Connection | None) -> int:
    lost = 0
    uri = f"{damaged.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source:
        for (statement,) in _schema(known or source):
            target.execute(statement)
        target.execute("begin")
        for shape in table_shapes(target):
            if known is not None:
                target.executemany(shape.insertion(), known.execute(_selection(shape)))
            rows = _Rows(source, shape)
            target.executemany(shape.insertion("insert or ignore"), rows)
            lost += rows.unreadable
            if rows.unreadable and known is None and shape.name in _ESSENTIAL:
                raise CorruptDataError(f"{damaged.name}: {shape.name} cannot be read completely")
        target.execute("commit")
        # The rows of one table may refer to rows of another that are lost.
        for name, row, *_ in target.execute("pragma foreign_key_check").fetchall():
            target.execute(f'delete from "{name}" where rowid = ?', (row,))  # noqa: S608
    return lost


def _schema(source: sqlite3.Connection) -> list[tuple[str]]:
    return source.execute(
        "select sql from main.sqlite_master where sql is not null"
        " and name not like 'sqlite\\_%' escape '\\' order by type = 'index', rowid"
    ).fetchall()


def _selection(shape: TableShape) -> str:
    return f'select {shape.selection} from main."{shape.name}"'  # noqa: S608


class _Rows:
    """The readable rows of a table, in the order of their rowids."""

    def __init__(self, source: sqlite3.Connection, shape: TableShape) -> None:
        self._source, self._shape = source, shape
        self.unreadable = 0

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        last, start, missing = self._last_rowid(), 1, 0
        with suppress(*SQLITE_ERRORS):
            yield from self._between(-(2**63), 0)
        while start <= last and missing < _MOST_MISSING:
            end = start + _ROWS_READ_AT_ONCE - 1
            try:
                rows = self._between(start, end)
            except SQLITE_ERRORS:
                self.unreadable += 1
                rows = [row for rowid in range(start, end + 1) for row in self._one(rowid)]
            missing = 0 if rows else missing + _ROWS_READ_AT_ONCE
            yield from rows
            start = end + 1

    def _last_rowid(self) -> int:
        try:
            (last,) = self._source.execute(
                f'select max(rowid) from main."{self._shape.name}"'  # noqa: S608
            ).fetchone()
        except SQLITE_ERRORS:
            self.unreadable += 1
            return 2**62
        return last or 0

    def _between(self, first: int, last: int) -> list[tuple[object, ...]]:
        return self._source.execute(
            f"{_selection(self._shape)} where rowid between ? and ? order by rowid", (first, last)
        ).fetchall()

    def _one(self, rowid: int) -> list[tuple[object, ...]]:
        with suppress(*SQLITE_ERRORS):
            return self._between(rowid, rowid)
        return []


def note_rebuilt(
    conditions: Conditions, path: Path, error: StorageError, kept_as: str, lost: int
) -> None:
    """Report that a damaged file was rebuilt.

    Args:
        conditions: where it is reported.
        path: the file.
        error: the damage.
        kept_as: the name of the damaged file now.
        lost: how many rows could not be read.
    """
    conditions.set(RECORDS_REBUILT, f"{error}; the damaged file is {kept_as}")
    log.warning(
        "records_rebuilt",
        file=path.name,
        error=str(error),
        kept_as=kept_as,
        unreadable=lost,
        fix=RESTORE,
    )


def log_lost(path: Path, rows: int, error: StorageError) -> None:
    """Log that rows end with the process, because the disk still refuses them."""
    log.error(
        "records_lost",
        file=path.name,
        rows=rows,
        error=str(error),
        fix="free disk space before you stop the server",
    )
