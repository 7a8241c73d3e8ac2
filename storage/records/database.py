"""The file `records.db`: opens and migrates it, and runs reads and writes."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database, Migrations

from storage.api.errors import CorruptDataError
from storage.damage import Damage
from storage.database import Readers, Writer

T = TypeVar("T")

_FIX = (
    "restore a backup with `redshank restore`, or move the file away to start"
    " without hosts, users and alerts"
)


def _wrapped(work: Callable[[Database], T]) -> Callable[[sqlite3.Connection], T]:
    # execute_plugins: sqlite-utils would let other installed packages change connections.
    return lambda connection: work(Database(connection, execute_plugins=False))


class RecordsDatabase:
    """Runs each write as one transaction on the writer thread, and reads beside it.

    Attributes:
        damage: counts and logs the damaged rows.
        version: a new object whenever a write begins or ends. Data that was read while
            it was the same object as now is still valid; no other process writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = object()
        # fsync on each commit: an acknowledged record survives a power cut.
        self._writer = Writer(path, "pragma synchronous = full;")
        self._readers = Readers(path)
        self.damage = Damage()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="read-records")
        self._urgent_thread = ThreadPoolExecutor(1, thread_name_prefix="read-outbox")

    def open(self, migrations: Iterable[Migrations]) -> None:
        """Open the file and apply the pending migrations; blocks.

        Raises:
            StorageError: the file cannot be opened or migrated.
        """

        def migrate(database: Database) -> None:
            for subject in migrations:
                subject.apply(database)

        try:
            self._writer.open()
            self._writer.submit(_wrapped(migrate)).result()
        except CorruptDataError as exc:
            # Not replaced by an empty file: a server without users has no login.
            raise CorruptDataError(f"{exc}; {_FIX}") from exc

    async def write(self, work: Callable[[Database], T]) -> T:
        """Run `work` in one transaction; return its result once it is on disk.

        Raises:
            StorageError: SQLite reports an error; nothing is stored.
        """
        self._changed()
        written = self._writer.submit(_wrapped(work))
        written.add_done_callback(self._changed)
        return await asyncio.shield(asyncio.wrap_future(written))

    def _changed(self, _: object = None) -> None:
        self.version = object()

    async def read(self, work: Callable[[Database], T], *, urgent: bool = False) -> T:
        """Run `work` on a read-only connection in a thread.

        Urgent reads have a thread of their own: deliveries never wait for pages.

        Raises:
            StorageError: SQLite reports an error.
        """
        threads = self._urgent_thread if urgent else self._threads
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads, self._readers.read, _wrapped(work))

    def close(self) -> None:
        """Finish the queued work and close the file; blocks."""
        self._threads.shutdown()
        self._urgent_thread.shutdown()
        self._readers.close()
        self._writer.close()
