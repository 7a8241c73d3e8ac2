"""Reads opencode's SQLite database as the JSON documents that it keeps in its rows.

Source: `ccusage`'s adapter for opencode (`message.data`), and opencode's schema.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import orjson

_BATCH: Final = 2_000
_KEYS: Final = {
    # Sessions first: they name the directory of each message.
    "session": (("id", "id"), ("directory", "directory")),
    "message": (("id", "id"), ("session_id", "sessionID")),
    "part": (("id", "id"), ("session_id", "sessionID"), ("message_id", "messageID")),
}


def is_opencode_database(path: Path) -> bool:
    """Report whether a file has the name of a database of opencode."""
    return path.suffix == ".db" and (path.stem == "opencode" or path.stem.startswith("opencode-"))


def database_mark(path: Path) -> list[int]:
    """Return what changes with the database; new rows are in the write-ahead log at first.

    Raises:
        OSError: the database cannot be read.
    """
    stat = path.stat()
    try:
        log = path.with_name(path.name + "-wal").stat()
    except OSError:
        return [stat.st_size, stat.st_mtime_ns]
    return [stat.st_size, stat.st_mtime_ns, log.st_size, log.st_mtime_ns]


def document_lines(path: Path, since: dict[str, int]) -> Iterator[list[bytes]]:
    """Yield the documents of a database, one a line; blocks, and changes nothing.

    Args:
        path: the database, which opencode may be writing.
        since: by table, the newest change that has been read; kept up to date, so that the
            next call yields only what is new.

    Raises:
        OSError: it is not a database, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            for table in _KEYS:
                yield from _table_lines(opened, table, since)
    except sqlite3.Error as exc:
        raise OSError(f"{path}: {exc}") from exc


def _table_lines(
    opened: sqlite3.Connection, table: str, since: dict[str, int]
) -> Iterator[list[bytes]]:
    columns = {row[1] for row in opened.execute(f"pragma table_info({table})")}
    keys = [(column, name) for column, name in _KEYS[table] if column in columns]
    if not keys or (table != "session" and "data" not in columns):
        return
    names = [column for column, _ in keys]
    data = "data" if "data" in columns else "'{}'"
    # Sessions are few, and name the directory of later messages. Versions without the column
    # are read whole each time.
    is_dated = "time_updated" in columns and table != "session"
    changed = "time_updated" if is_dated else "0"
    cursor = opened.execute(
        f"select {', '.join(names)}, {data}, {changed} from {table} where {changed} >= ?",  # noqa: S608
        [since.get(table, 0)],
    )
    newest = since.get(table, 0)
    while rows := cursor.fetchmany(_BATCH):
        lines = []
        for *values, text, changed_ms in rows:
            newest = max(newest, changed_ms if isinstance(changed_ms, int) else 0)
            try:
                document = orjson.loads(text or "{}")
            except (orjson.JSONDecodeError, TypeError):
                continue
            if isinstance(document, dict):
                document |= {name: value for (_, name), value in zip(keys, values, strict=True)}
                lines.append(orjson.dumps(document))
        yield lines
    since[table] = newest
