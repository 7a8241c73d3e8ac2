"""Rows that a connection has changed, and their transfer to another database.

Triggers of the connection note each changed row in a temporary table, as part of the same
transaction. Another database with the same tables becomes equal by deleting these rows and
inserting them as they are now, whatever statements have changed them.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = tuple[str, int]
"""The table and the rowid of a changed row."""

_NOTED = "noted_changes"
# A read is one statement; SQLite allows 32,766 parameters in one.
_ROWS_READ_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table and its columns, with `rowid` first unless a column is an alias of it."""

    name: str
    columns: tuple[str, ...]

    @property
    def selection(self) -> str:
        """The columns, quoted for SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    def insertion(self, verb: str = "insert") -> str:
        """Return the statement that inserts one row."""
        places = ", ".join("?" * len(self.columns))
        return f'{verb} into main."{self.name}" ({self.selection}) values ({places})'


def table_shapes(connection: sqlite3.Connection) -> list[TableShape]:
    """Return the tables of the main database, without SQLite's own."""
    names = connection.execute(
        "select name from main.sqlite_master where type = 'table' and name not like 'sqlite\\_%'"
        " escape '\\' order by rowid"
    ).fetchall()
    return [_shape(connection, name) for (name,) in names]


def _shape(connection: sqlite3.Connection, name: str) -> TableShape:
    found = connection.execute(f'pragma main.table_info("{name}")').fetchall()
    columns = tuple(column for _, column, *_ in found)
    keys = [kind.lower() for _, _, kind, _, _, position in found if position]
    return TableShape(name, columns if keys == ["integer"] else ("rowid", *columns))


def note_changes(connection: sqlite3.Connection, tables: Iterable[TableShape]) -> None:
    """Note the changed rows of these tables from now on; call it outside a transaction."""
    # The temporary table must not need a disk.
    connection.execute("pragma temp_store = memory")
    # Without it, `insert or replace` deletes a row without a trigger.
    connection.execute("pragma recursive_triggers = on")
    connection.execute(
        f"create temp table {_NOTED}"
        " (name text, row integer, primary key (name, row)) without rowid"
    )
    for table in tables:
        for event, rows in (
            ("insert", ("new",)),
            ("update", ("old", "new")),
            ("delete", ("old",)),
        ):
            inserts = "".join(
                # Not `insert or ignore`: a conflict clause of the statement would override it.
                f"insert into {_NOTED} select '{table.name}', {row}.rowid where not exists"  # noqa: S608
                f" (select 1 from {_NOTED} where name = '{table.name}' and row = {row}.rowid);"
                for row in rows
            )
            connection.execute(
                f'create temp trigger "note_{event}_{table.name}" after {event}'
                f' on main."{table.name}" begin {inserts} end'
            )


def noted_changes(connection: sqlite3.Connection) -> Sequence[Row]:
    """Return the rows noted since the last `forget_changes`."""
    rows: list[Row] = connection.execute(f"select name, row from {_NOTED}").fetchall()  # noqa: S608
    return rows


def forget_changes(connection: sqlite3.Connection) -> None:
    """Forget the noted rows."""
    connection.execute(f"delete from {_NOTED}")  # noqa: S608


def note_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Note rows as changed; those that are noted already stay."""
    connection.executemany(f"insert or ignore into {_NOTED} values (?, ?)", rows)  # noqa: S608


@dataclass(frozen=True, slots=True)
class ChangedTable:
    """The changed rows of one table, as they are now; deleted ones have no values."""

    shape: TableShape
    rowids: Sequence[int]
    values: Iterable[tuple[Any, ...]]


def changed_tables(
    rows: Sequence[Row], tables: Iterable[TableShape], source: sqlite3.Connection
) -> Iterator[ChangedTable]:
    """Yield these rows of a database by table; the values are read when they are iterated."""
    changed: dict[str, list[int]] = {}
    for name, row in rows:
        changed.setdefault(name, []).append(row)
    for shape in tables:
        rowids = changed.get(shape.name)
        if rowids:
            yield ChangedTable(shape, rowids, _rows(source, shape, rowids))


def put_rows(changed: Sequence[ChangedTable], target: sqlite3.Connection) -> None:
    """Make these rows of the target equal to those that were read.

    The target is in a transaction, with `foreign_keys` off: the source has already applied
    what a deletion cascades to. What the target notes meanwhile is forgotten.
    """
    for one in changed:
        target.executemany(
            f'delete from main."{one.shape.name}" where rowid = ?',  # noqa: S608
            ((row,) for row in one.rowids),
        )
    for one in changed:
        target.executemany(one.shape.insertion(), one.values)
    forget_changes(target)


def transfer(
    rows: Sequence[Row],
    tables: Iterable[TableShape],
    source: sqlite3.Connection,
    target: sqlite3.Connection,
) -> None:
    """Make these rows of the target equal to those of the source, as `put_rows` does."""
    put_rows(list(changed_tables(rows, tables, source)), target)


def _rows(
    source: sqlite3.Connection, shape: TableShape, rowids: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    for at in range(0, len(rowids), _ROWS_READ_AT_ONCE):
        some = rowids[at : at + _ROWS_READ_AT_ONCE]
        yield from source.execute(
            f'select {shape.selection} from main."{shape.name}"'  # noqa: S608
            f" where rowid in ({', '.join('?' * len(some))})",
            some,
        ).fetchall()


def sequences(source: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return the counters of automatic ids, by table."""
    has_counters = "select 1 from main.sqlite_master where name = 'sqlite_sequence'"
    if source.execute(has_counters).fetchone() is None:
        return []
    return source.execute("select name, seq from main.sqlite_sequence").fetchall()


def raise_sequences(target: sqlite3.Connection, found: Iterable[tuple[str, int]]) -> None:
    """Raise the target's counters of automatic ids to those that were read."""
    for name, last in found:
        raised = target.execute(
            "update main.sqlite_sequence set seq = max(seq, ?) where name = ?", (last, name)
        )
        if not raised.rowcount:
            target.execute("insert into main.sqlite_sequence values (?, ?)", (name, last))


def transfer_sequences(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Raise the target's counters of automatic ids to those of the source."""
    raise_sequences(target, sequences(source))
