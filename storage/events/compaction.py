"""Gives the space of deleted events back to the file system.

DuckDB reuses the blocks of deleted rows, but its file never becomes shorter than its last
block in use. A copy of all tables into a new file has no free blocks.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage.syncing import sync

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LEAST_FREE_BYTES: Final = 16 * 2**20
_LEAST_FREE_RATIO: Final = 0.3
"""With less free space, events of the next weeks fill the blocks."""
_ROOM_FACTOR: Final = 1.2


def is_worth_compacting(connection: "DuckDBPyConnection", path: Path) -> bool:
    """Return whether much of a file is free, and the disk has room for a copy of the rest."""
    connection.execute("checkpoint")
    row = connection.execute(
        "select block_size * used_blocks, block_size * free_blocks from pragma_database_size()"
    ).fetchone()
    used, free = (int(size) for size in row or (0, 0))
    return (
        free >= _LEAST_FREE_BYTES
        and free >= _LEAST_FREE_RATIO * (used + free)
        and shutil.disk_usage(path.parent).free >= _ROOM_FACTOR * used
    )


def write_compact_copy(connection: "DuckDBPyConnection", path: Path) -> Path:
    """Copy all tables of a database into a new file beside it, in the order of the rows."""
    copy = path.with_name(path.name + ".compact")
    for leftover in (copy, copy.with_name(copy.name + ".wal")):
        leftover.unlink(missing_ok=True)
    row = connection.execute("select current_database()").fetchone()
    name = '"' + str(row[0] if row else "").replace('"', '""') + '"'
    quoted = str(copy).replace("'", "''")
    # Blocks of events that arrived together are what makes reports fast.
    connection.execute("set preserve_insertion_order = true")
    try:
        connection.execute(f"attach '{quoted}' as compact_copy")
        try:
            connection.execute(f"copy from database {name} to compact_copy")
            connection.execute("checkpoint compact_copy")
        finally:
            connection.execute("detach compact_copy")
    finally:
        connection.execute("set preserve_insertion_order = false")
    sync(copy)
    return copy


def delete_leftovers(path: Path) -> None:
    """Delete the temporary files beside a database that a killed server left."""
    for pattern in (f"{path.name}.compact*", "export-*.parquet"):
        for leftover in path.parent.glob(pattern):
            leftover.unlink(missing_ok=True)


def replace_file(copy: Path, path: Path) -> None:
    """Put a copy in the place of a file that nobody has open."""
    copy.replace(path)
    sync(path.parent)
