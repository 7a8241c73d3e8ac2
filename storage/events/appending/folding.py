"""Decides when the journal is folded into the tables.

That is after some time or many rows, and before a report or another write.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import structlog

from storage.api.errors import StorageError, StoreClosedError
from storage.events.appending.tables import TableWriter
from storage.events.database import EventDatabase
from storage.events.journal import EventJournal, JournalRows
from storage.events.visits.exclusions import ExclusionCounts

if TYPE_CHECKING:
    from concurrent.futures import Future

    from duckdb import DuckDBPyConnection

log = structlog.get_logger(__name__)

_DELAY_S: Final = 30.0
"""With 1,000 events a second, folding every 10 s takes 0.22 ms of CPU for 100 events, every 30 s
0.17 ms. A report folds first, whatever the delay."""
_ENOUGH_ROWS: Final = 40_000
"""A row group of DuckDB: so many rows are compressed at once, without its log."""
_ENOUGH_BYTES: Final = 32 * 2**20
_MOST_ROWS: Final = 4 * _ENOUGH_ROWS
"""Appending waits while so much is pending."""
_MOST_BYTES: Final = 4 * _ENOUGH_BYTES


class Folding:
    """Folds the journal of one database."""

    def __init__(
        self,
        database: EventDatabase,
        journal: EventJournal,
        tables: TableWriter,
        exclusions: ExclusionCounts,
    ) -> None:
        self._database, self._journal = database, journal
        self._tables, self._exclusions = tables, exclusions
        self._lock = threading.Lock()
        # The fold that is queued and has not begun.
        self._queued: Future[None] | None = None
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None

    def remind(self) -> None:
        """See to it that what has been appended is folded soon; on the sender's loop."""
        if self._journal.fresh.exceeds(_ENOUGH_ROWS, _ENOUGH_BYTES):
            self._request_later()
            return
        loop = asyncio.get_running_loop()
        if self._timer is None or self._timer[0] is not loop:
            self._timer = loop, loop.call_later(_DELAY_S, self._request_later)

    def cancel(self) -> None:
        """Forget the reminder."""
        if self._timer is not None and not self._timer[0].is_closed():
            self._timer[0].call_soon_threadsafe(self._timer[1].cancel)
        self._timer = None

    def make_room(self) -> None:
        """Wait until the journal has room; on its thread.

        Raises:
            StorageError: the tables cannot be written.
        """
        while self._journal.pending.exceeds(_MOST_ROWS, _MOST_BYTES):
            self._request().result()

    async def settled(self) -> None:
        """Return when everything that has been acknowledged is in the tables.

        Raises:
            StorageError: the tables cannot be written.
        """
        if self._journal.pending.rows:
            await asyncio.shield(asyncio.wrap_future(self._request()))

    def fold(self) -> None:
        """Write everything pending into the tables; on the writer thread.

        Raises:
            StorageError: nothing was written; it is pending still.
        """
        with self._lock:
            self._queued = None
        batches = self._journal.begin_fold()
        if not batches and not self._exclusions.has_pending:
            return
        try:
            self._database.transaction(lambda connection: self._write(connection, batches))
        except BaseException:
            self._tables.set_stale()
            self._exclusions.restore()
            raise
        if batches:
            self._journal.forget(batches[-1][0])

    def _write(
        self, connection: "DuckDBPyConnection", batches: Sequence[tuple[int, JournalRows]]
    ) -> None:
        self._tables.write(connection, batches)
        self._exclusions.write(connection)

    def _request(self) -> "Future[None]":
        with self._lock:
            if self._queued is None:
                self._queued = self._database.on_writer(self.fold)
            return self._queued

    def _request_later(self) -> None:
        self._timer = None
        try:
            self._request().add_done_callback(_report)
        except StoreClosedError:
            # Closing folds everything.
            return


def _report(done: "Future[None]") -> None:
    error = None if done.cancelled() else done.exception()
    if isinstance(error, StorageError):
        log.warning("event_journal_not_folded", error=str(error))
