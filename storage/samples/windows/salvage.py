"""Reads many rows at once; in a damaged file, all rows that can still be read."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import structlog

from storage.damage import RESTORE

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Well below SQLite's smallest limit of variables (32,766); takes a fifth of the time of one
# statement for each row.
_VARIABLES = 1000


def in_batches(items: Sequence[int], fetch: Callable[[Sequence[int]], Iterable[T]]) -> Iterator[T]:
    """Call `fetch` with batches of items and yield all rows that it returns.

    Rows that SQLite cannot read are skipped and logged.
    """
    for at in range(0, len(items), _VARIABLES):
        yield from _salvage(items[at : at + _VARIABLES], fetch)


def _salvage(items: Sequence[int], fetch: Callable[[Sequence[int]], Iterable[T]]) -> Iterator[T]:
    """Yield all readable rows: a failing batch is split in half until it is one item."""
    try:
        found = list(fetch(items))
    except sqlite3.DatabaseError as exc:
        if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        if len(items) == 1:
            log.warning("rows_unreadable", item=items[0], error=str(exc), fix=RESTORE)
            return
        middle = len(items) // 2
        yield from _salvage(items[:middle], fetch)
        yield from _salvage(items[middle:], fetch)
    else:
        yield from found


def marks(items: Sequence[int]) -> str:
    """Return one SQL placeholder for each item."""
    return ",".join("?" * len(items))
