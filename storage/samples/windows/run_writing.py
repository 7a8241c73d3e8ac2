"""The SQL that writes and deletes the rows of runs; `runs` has the tables."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from storage.samples.windows.numbers import chunks_of, keys_of, table_of
from storage.samples.windows.runs import DROPPED, LIVE, ChunkRow, pack_sizes

_DELETED_AT_ONCE = 50_000


def insert_run(
    connection: sqlite3.Connection, run: int, state: int, sizes: Mapping[int, int]
) -> None:
    """Insert the row of a run."""
    connection.execute("insert into runs values (?, ?, ?)", (run, state, pack_sizes(sizes)))


def insert_chunks(connection: sqlite3.Connection, rows: Iterable[ChunkRow]) -> None:
    """Insert the rows of chunks."""
    connection.executemany(
        "insert into chunks values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                row.id,
                row.source_id,
                row.layout_id,
                row.start_ms,
                row.end_ms,
                row.count,
                row.samples,
                row.times,
            )
            for row in rows
        ),
    )


def insert_pieces(
    connection: sqlite3.Connection, run: int, rows: Iterable[tuple[int, bytes]]
) -> None:
    """Insert pieces of one run as (key, data); ascending keys fill the pages."""
    connection.executemany(f"insert into {table_of(run)} values (?, ?)", rows)  # noqa: S608


def replace_runs(
    connection: sqlite3.Connection, new: int, sizes: Mapping[int, int], old: Sequence[int]
) -> None:
    """Set a merged run live, and the runs that it was merged from dropped."""
    connection.execute(
        "update runs set state = ?, sizes = ? where id = ?", (LIVE, pack_sizes(sizes), new)
    )
    for run in old:
        connection.execute("update runs set state = ? where id = ?", (DROPPED, run))
        connection.execute("delete from chunks where id between ? and ?", chunks_of(run))


def delete_pieces(connection: sqlite3.Connection, run: int) -> bool:
    """Delete some pieces of a run that is not live; return False once all are deleted."""
    (first, after), table = keys_of(run), table_of(run)
    row = connection.execute(
        f"select key from {table} where key >= ? and key < ?"  # noqa: S608
        " order by key limit 1 offset ?",
        (first, after, _DELETED_AT_ONCE),
    ).fetchone()
    until = after if row is None else row[0]
    connection.execute(f"delete from {table} where key >= ? and key < ?", (first, until))  # noqa: S608
    if row is None:
        connection.execute("delete from runs where id = ?", (run,))
    return row is not None
