"""Reading many rows at once, and of a damaged file those that can be read."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import structlog

from storage.damage import RESTORE

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Well below SQLite's smallest limit of variables (32,766), and a fifth of the time of
# one statement a row.
_VARIABLES = 1000


def in_batches(items: Sequence[int], fetch: Callable[[Sequence[int]], Iterable[T]]) -> Iterator[T]:
    """Yield what `fetch` finds for all items, of which it is given some at a time.

    Rows that SQLite cannot read are passed over and logged.
    """
    for at in range(0, len(items), _VARIABLES):
        yield from _salvage(items[at : at + _VARIABLES], fetch)


def _salvage(items: Sequence[int], fetch: Callable[[Sequence[int]], Iterable[T]]) -> Iterator[T]:
    """Yield what can be read of a damaged file: halve what fails until it is one item."""
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
    """Return as many places for variables as there are items."""
    return ",".join("?" * len(items))
