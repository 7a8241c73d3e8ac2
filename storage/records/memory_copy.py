"""A copy of the records in memory, which goes on where the disk ends.

It has all hosts, users, sessions and overrides, the open alerts, the outbox, and the
latest entries of each history. Each commit on disk is repeated in it, so it needs nothing
from the disk when writes begin to fail. If the disk does not answer at all, even the
transaction that waits for it goes on in the copy (`adopt`).
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from storage.database import Writer
from storage.records.row_changes import (
    ChangedTable,
    Row,
    TableShape,
    changed_tables,
    forget_changes,
    note_changes,
    note_rows,
    noted_changes,
    put_rows,
    raise_sequences,
    sequences,
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
_OF_ALERTS = f"(alert_id is null or alert_id in (select id from alerts where {_ALERTS}))"  # noqa: S608
_OF_NOTIFICATIONS = f"({_WAITING} or id > (select max(id) from notifications) - {_HISTORY})"  # noqa: S608
KEPT: Final[Mapping[str, str]] = {
    "alerts": _ALERTS,
    "transitions": f"id > (select max(id) from transitions) - {_HISTORY} and {_OF_ALERTS}",  # noqa: S608
    "notifications": f"{_OF_NOTIFICATIONS} and {_OF_ALERTS}",
    "notified_alerts": (
        f"{_OF_ALERTS} and notification_id in"  # noqa: S608
        f" (select id from notifications where {_OF_NOTIFICATIONS} and {_OF_ALERTS})"
    ),
    "alert_holds": _OF_ALERTS,
    "audit": f"id > (select max(id) from audit) - {_HISTORY}",  # noqa: S608
    # The push gateway has its groups in memory itself, and never changes them without the disk.
    "pushed_groups": "false",
}
"""The rows of a table that the copy has; it has all rows of other tables."""


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Rows that only the copy has, as they were when they were taken."""

    rows: Sequence[Row]
    tables: Sequence[ChangedTable]
    sequences: Sequence[tuple[str, int]]

    def write_to(self, writer: Writer) -> None:
        """Write the rows to the disk in one transaction without foreign keys."""

        def write(disk: sqlite3.Connection) -> None:
            put_rows(self.tables, disk)
            raise_sequences(disk, self.sequences)

        connection = writer.connection
        try:
            connection.execute("pragma foreign_keys = off")
            writer.transact(write, durable=True)
        finally:
            connection.execute("pragma foreign_keys = on")


class MemoryCopy:
    """The copy; one thread at a time uses it, as a lock of the database makes sure."""

    def __init__(self, disk: sqlite3.Connection) -> None:
        """Copy the records; `disk` then notes its changes for `repeat`.

        Raises:
            sqlite3.Error: the disk cannot be read.
        """
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._disk = disk
        self._repeated = 0
        self._pending: Sequence[Row] = ()
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
        self._pending = rows

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

    def adopt(self) -> bool:
        """Keep what `repeat` has written, although the disk's commit has not returned.

        It waits for `take_unwritten`: writing it a second time changes nothing. `keep` and
        `undo` then do nothing. Returns False if there is nothing.
        """
        if not self._connection.in_transaction:
            return False
        note_rows(self._connection, self._pending)
        self._connection.execute("commit")
        self._connection.execute("pragma foreign_keys = on")
        return True

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
        """Run work in one transaction in memory; the disk lacks the changes."""
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
        """The number of rows that the disk lacks."""
        return len(noted_changes(self._connection))

    def take_unwritten(self) -> Unwritten:
        """Return the rows that the disk lacks; `give_back` returns them if it refuses them."""
        rows = noted_changes(self._connection)
        tables = [
            replace(one, values=list(one.values))
            for one in changed_tables(rows, self._tables, self._connection)
        ]
        forget_changes(self._connection)
        return Unwritten(rows, tables, sequences(self._connection))

    def give_back(self, taken: Unwritten) -> None:
        """Note again that the disk lacks these rows."""
        note_rows(self._connection, taken.rows)

    def close(self) -> None:
        """Free the memory."""
        self._connection.close()
