"""Copies and checks `events.duckdb` from any process, also while a server uses it.

DuckDB locks its file, so another process cannot read it through DuckDB. Its layout permits
a copy of the bytes: a commit appends to the log beside the file, and only a checkpoint
changes the file's header, after which the log begins anew. Blocks that are written in
between are not referenced yet. So a copy of the file, then of its log, is consistent if
the header is the same before and after.

Source: https://duckdb.org/docs/stable/internals/storage.html (headers, checkpoints).
"""

import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from storage.api.errors import CorruptDataError, StorageError
from storage.events.journal.segments import read_segment, segment_paths

_HEADER_BYTES: Final = 3 * 4096
"""The main header and the two database headers, of which a checkpoint rewrites one."""
_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.25


def copy_event_store(path: Path, copy: Path) -> bool:
    """Copy an event store with its log and journal into one file; see `FileKind.copy`.

    Raises:
        StorageError: it cannot be read, or a server writes checkpoints all the time.
    """
    for _ in range(_ATTEMPTS):
        try:
            before = _header(path)
        except FileNotFoundError:
            return False
        _copy_journal(path, copy)
        shutil.copyfile(path, copy)
        log = copy.with_name(copy.name + ".wal")
        try:
            shutil.copyfile(path.with_name(path.name + ".wal"), log)
        except FileNotFoundError:
            log.unlink(missing_ok=True)
        if _header(path) == before:
            _merge(copy)
            return True
        time.sleep(_PAUSE_S)
    raise StorageError(f"{path.name} changes all the time; try again when fewer events arrive")


def event_store_problems(path: Path) -> Sequence[str]:
    """Return what is wrong with an event store; nothing while a server has it open."""
    import duckdb

    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as exc:
        return [] if "lock" in str(exc) else [_line(exc)]
    except duckdb.Error as exc:
        return [_line(exc)]
    try:
        # Every column of every event is read and decompressed.
        connection.execute("select count(*), bit_xor(hash(columns(*))) from events").fetchall()
    except duckdb.Error as exc:
        return [_line(exc)]
    finally:
        connection.close()
    return []


def journal_file_problems(path: Path) -> Sequence[str]:
    """Return what is wrong with a file of the journal; nothing if a server has folded it.

    An incomplete record at the end is no damage: a killed server leaves it.
    """
    try:
        damaged = read_segment(path).damaged
    except FileNotFoundError:
        return []
    except (CorruptDataError, OSError) as exc:
        return [str(exc)]
    return [f"{damaged} of its batches cannot be read"] if damaged else []


def journal_file_state(path: Path) -> str:
    """Return what a sound file of the journal holds.

    Raises:
        OSError: it cannot be read; a server may have folded it meanwhile.
    """
    contents = read_segment(path)
    rows = sum(len(rows) for _, rows in contents.records)
    batches = f"{len(contents.records):,} batch{'es' if len(contents.records) != 1 else ''}"
    state = f"{batches} with {rows:,} row{'s' if rows != 1 else ''} for the tables"
    if not contents.torn_bytes:
        return f"sound, {state}"
    return (
        f"torn at its end, {state}; the last {contents.torn_bytes:,} bytes were not acknowledged:"
        " normal after a crash or while a server writes; the next start leaves them out"
    )


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES)


def _copy_journal(path: Path, copy: Path) -> None:
    for leftover in segment_paths(copy):
        leftover.unlink()
    for segment in segment_paths(path):
        # A segment that has disappeared has been folded into the tables.
        with suppress(FileNotFoundError):
            target = copy.with_name(copy.name + segment.name.removeprefix(path.name))
            shutil.copyfile(segment, target)


def _merge(copy: Path) -> None:
    """Write a copy's log and journal into the file, which also shows that they can be read."""
    import duckdb

    from storage.events.appending import fold_files

    try:
        connection = duckdb.connect(str(copy))
        try:
            fold_files(connection, copy)
            connection.execute("checkpoint")
        finally:
            connection.close()
    except duckdb.Error as exc:
        raise StorageError(f"the copy {copy.name} cannot be read: {_line(exc)}") from exc


def _line(exc: Exception) -> str:
    return str(exc).splitlines()[0]
