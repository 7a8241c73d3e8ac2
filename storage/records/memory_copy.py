"""A copy of the records in memory, which goes on where the disk ends.

It has all hosts, users, sessions and overrides, the open alerts, the outbox, and the
latest entries of each history. Each commit on disk is repeated in it, so it needs nothing
from the disk when writes begin to fail.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from storage.records.row_changes import (
    TableShape,
    forget_changes,
    note_changes,
    noted_changes,
    table_shapes,
    transfer,
    transfer_sequences,
)

T = TypeVar("T")

_HISTORY: Final = 500
"""The number of entries of a history in memory: some pages of what was last."""
_ROWS_BETWEEN_TRIMS: Final = 5_000

_WAITING = "delivered_ms is null and abandoned_ms is null"
_ALERTS = (
    "state in ('pending', 'firing', 'no_data')"  # noqa: S608
    f" or id in (select alert_id from notifications where {_WAITING})"
    f" or id > (select max(id) from alerts) - {_HISTORY}"
)
_OF_ALERTS = f"alert_id in (select id from alerts where {_ALERTS})"  # noqa: S608
KEPT: Final[Mapping[str, str]] = {
    "alerts": _ALERTS,
    "transitions": f"id > (select max(id) from transitions) - {_HISTORY} and {_OF_ALERTS}",  # noqa: S608
    "notifications": (
        f"({_WAITING} or id > (select max(id) from notifications) - {_HISTORY}) and {_OF_ALERTS}"  # noqa: S608
    ),
    "audit": f"id > (select max(id) from audit) - {_HISTORY}",  # noqa: S608
    # The push gateway has its groups in memory itself, and never changes them without the disk.
    "pushed_groups": "false",
}
"""The rows of a table that the copy has; it has all rows of other tables."""


class MemoryCopy:
    """The copy; used by the thread that writes the records."""

    def __init__(self, disk: sqlite3.Connection) -> None:
        """Copy the records; `disk` then notes its changes for `repeat`.

        Raises:
            sqlite3.Error: the disk cannot be read.
        """
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._disk = disk
        self._repeated = 0
        statements = disk.execute(
            "select sql from main.sqlite_master where sql is not null"
            " and name not like 'sqlite\\_%' escape '\\' order by type = 'index', rowid"
        ).fetchall()
        for (statement,) in statements:
            self._connection.execute(statement)
        self._tables = table_shapes(self._connection)
        self._connection.execute("begin")
        for table in self._tables:
            condition = KEPT.get(table.name, "true")
            self._connection.executemany(
                table.insertion(),
                disk.execute(
                    f'select {table.selection} from main."{table.name}"'  # noqa: S608
                    f" where {condition}"
                ),
            )
        transfer_sequences(disk, self._connection)
        self._connection.execute("commit")
        self._connection.execute("pragma foreign_keys = on")
        note_changes(self._connection, self._tables)
        note_changes(disk, self._repeatable())

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of the copy."""
        return self._connection

    @property
    def tables(self) -> list[TableShape]:
        """The tables of the copy."""
        return self._tables

    def repeat(self) -> None:
        """Begin to repeat the disk's transaction; `keep` or `undo` ends it."""
        rows = noted_changes(self._disk)
        if not rows:
            return
        self._connection.execute("pragma foreign_keys = off")
        self._connection.execute("begin")
        transfer(rows, self._repeatable(), self._disk, self._connection)
        forget_changes(self._disk)
        self._repeated += len(rows)

    def keep(self) -> None:
        """Keep what `repeat` has written, if it has."""
        if not self._connection.in_transaction:
            return
        self._connection.execute("commit")
        self._connection.execute("pragma foreign_keys = on")
        if self._repeated > _ROWS_BETWEEN_TRIMS:
            self._trim()

    def undo(self) -> None:
        """Undo what `repeat` has written, if it has."""
        if not self._connection.in_transaction:
            return
        self._connection.execute("rollback")
        self._connection.execute("pragma foreign_keys = on")

    def _repeatable(self) -> list[TableShape]:
        return [table for table in self._tables if KEPT.get(table.name) != "false"]

    def _trim(self) -> None:
        self._repeated = 0
        self._connection.execute("begin")
        for name, condition in KEPT.items():
            self._connection.execute(f'delete from "{name}" where not ({condition})')  # noqa: S608
        forget_changes(self._connection)
        self._connection.execute("commit")

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in one transaction in memory; the changes wait for `write_back`."""
        self._connection.execute("begin")
        try:
            result = work(self._connection)
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise
        return result

    @property
    def unwritten(self) -> int:
        """The number of rows that wait for `write_back`."""
        return len(noted_changes(self._connection))

    def write_back(self, disk: sqlite3.Connection) -> None:
        """Write the changed rows to the disk; runs in a transaction without foreign keys."""
        rows = noted_changes(self._connection)
        transfer(rows, self._tables, self._connection, disk)
        transfer_sequences(self._connection, disk)

    def written(self) -> None:
        """Forget the changes: the disk has committed them."""
        forget_changes(self._connection)

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()
