"""A DuckDB file: one writer thread, and readers with connections of their own.

DuckDB is imported and the file opened at the first use, so that a server without events
pays nothing for it: the library takes 20 MB of resident memory, an open file 24 MB more.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from model.process.serial_thread import SerialThread
from model.process.worker_threads import WorkerThreads
from storage.api.errors import (
    CorruptDataError,
    StorageError,
    StoreClosedError,
    UnwritableError,
)
from storage.api.events import EventQueryError
from storage.events.compaction import is_worth_compacting, replace_file, write_compact_copy
from storage.events.gate import FileGate
from storage.events.settings import EventStoreSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

    from duckdb import DuckDBPyConnection

T = TypeVar("T")

_READERS = 2
"""Reports that run side by side; further ones wait."""


class EventDatabase:
    """Runs work on one DuckDB file.

    Cancelling the caller of a write does not undo it; cancelling a read interrupts it.

    After an error that invalidates the database, such as a full disk during a commit, the
    file is opened again at the next use.
    """

    def __init__(
        self,
        path: Path,
        settings: EventStoreSettings,
        prepare: "Callable[[DuckDBPyConnection], None]",
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        """Set up; nothing is opened yet.

        Args:
            path: the path of the file.
            settings: the bounds of memory and threads.
            prepare: creates or checks the tables, each time the file has been opened.
            settle: called on the writer thread before each write, outside its transaction.
        """
        self.path = path
        self._settings, self._prepare, self._settle = settings, prepare, settle
        self._lock = threading.Lock()
        self._gate = FileGate()
        self._connection: DuckDBPyConnection | None = None
        self._is_closed = False
        self._writer = WorkerThreads(1, thread_name_prefix="write-events")
        self._journal = SerialThread("journal-events")
        self._readers = WorkerThreads(_READERS, thread_name_prefix="read-events")

    @property
    def exists(self) -> bool:
        """Whether the file exists."""
        return self.path.exists()

    async def write(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        """Run work in one transaction; return its result after the commit is synced.

        Raises:
            StorageError: nothing was written.
        """
        future = self._submit(self._writer, self._settled_transaction, work)
        return await asyncio.shield(asyncio.wrap_future(future))

    def _settled_transaction(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        self._settle()
        return self.transaction(work)

    async def checkpoint(self) -> None:
        """Write the log into the file, between two writes.

        Raises:
            StorageError: the disk refuses it.
        """
        future = self._submit(self._writer, self._checkpoint)
        await asyncio.shield(asyncio.wrap_future(future))

    def _checkpoint(self) -> None:
        self._settle()
        connection = self._opened()
        import duckdb

        try:
            connection.execute("checkpoint")
        except duckdb.Error as exc:
            raise self._translated(exc) from exc

    async def compact(self) -> int:
        """Write the file anew if much of it is free; return by how many bytes it shrank.

        Writes wait for the copy; readers wait twice, shortly.

        Raises:
            StorageError: the disk refuses it; the file is as it was.
        """
        future = self._submit(self._writer, self._compact)
        return await asyncio.shield(asyncio.wrap_future(future))

    def _compact(self) -> int:
        if not self.exists:
            return 0
        connection = self._opened()
        import duckdb

        try:
            # Blocks whose rows a reader may still need are not freed.
            with self._gate.replacing():
                is_worth = is_worth_compacting(connection, self.path)
            if not is_worth:
                return 0
            before = self.path.stat().st_size
            copy = write_compact_copy(connection, self.path)
            with self._gate.replacing():
                self._disconnect()
                replace_file(copy, self.path)
        except duckdb.Error as exc:
            raise self._translated(exc) from exc
        except OSError as exc:
            raise UnwritableError(f"{self.path.name}: {exc}") from exc
        return before - self.path.stat().st_size

    def on_writer(self, function: Callable[[], T]) -> "Future[T]":
        """Queue a function for the writer thread, where it may call `transaction`."""
        return self._submit(self._writer, function)

    def on_journal(self, function: Callable[[], object]) -> None:
        """Queue a function for the thread that appends to the journal."""
        self._require_open()
        self._journal.submit(function)

    def open(self) -> None:
        """Open the file unless it is open; on a thread.

        Raises:
            StorageError: it cannot be opened.
        """
        self._opened()

    def read_now(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        """Run work on a connection of its own, on the caller's thread.

        Raises:
            StorageError: the work failed.
        """
        return self._run_read(work, [])

    async def read(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        """Run work on a connection of its own, beside others.

        Raises:
            StorageError: the work failed.
        """
        running: list[DuckDBPyConnection] = []
        future = self._submit(self._readers, self._run_read, work, running)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            for cursor in running:
                cursor.interrupt()
            raise

    def close(self) -> None:
        """Finish the writes, write the log into the file and close it; blocks.

        Raises:
            StorageError: the last writes failed; the file is closed.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._readers.shutdown(cancel_futures=True)
        self._journal.shutdown()
        last = self._writer.submit(self._settle)
        self._writer.shutdown()
        self._disconnect()
        last.result()

    def _submit(
        self, pool: WorkerThreads, function: Callable[..., T], *arguments: Any
    ) -> "Future[T]":
        self._require_open()
        return pool.submit(function, *arguments)

    def _require_open(self) -> None:
        if self._is_closed:
            raise StoreClosedError(f"{self.path.name} is closed")

    def transaction(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        """Run work in one transaction; only on the writer thread.

        Raises:
            StorageError: nothing was written.
        """
        connection = self._opened()
        import duckdb

        try:
            connection.execute("begin")
            try:
                result = work(connection)
                connection.execute("commit")
            except BaseException:
                self._roll_back(connection)
                raise
        except duckdb.Error as exc:
            raise self._translated(exc) from exc
        return result

    def _roll_back(self, connection: "DuckDBPyConnection") -> None:
        import duckdb

        try:
            connection.execute("rollback")
        except duckdb.Error:
            # A failed commit has ended the transaction, or has invalidated the database.
            self._disconnect()

    def _run_read(
        self,
        work: "Callable[[DuckDBPyConnection], T]",
        running: "list[DuckDBPyConnection]",
    ) -> T:
        with self._gate.reading():
            opened = self._opened()
            import duckdb

            cursor = opened.cursor()
            running.append(cursor)
            try:
                return work(cursor)
            except duckdb.Error as exc:
                raise self._translated(exc) from exc
            finally:
                running.clear()
                cursor.close()

    def _opened(self) -> "DuckDBPyConnection":
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    def _connect(self) -> "DuckDBPyConnection":
        import duckdb

        try:
            connection = duckdb.connect(
                str(self.path),
                config={
                    "memory_limit": f"{self._settings.memory_bytes}B",
                    "threads": self._settings.threads,
                    # No query of ours needs an extension from the network.
                    "autoinstall_known_extensions": False,
                    "allow_community_extensions": False,
                    # Arrival order is a column; keeping it by itself takes memory.
                    "preserve_insertion_order": False,
                },
            )
            self._prepare(connection)
        except duckdb.Error as exc:
            raise self._translated(exc) from exc
        return connection

    def _disconnect(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _translated(self, exc: Exception) -> StorageError:
        import duckdb

        text = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        if isinstance(exc, duckdb.FatalException):
            self._disconnect()
        if isinstance(exc, duckdb.OutOfMemoryException):
            text = (
                f"the query needs more than the {self._settings.memory_bytes / 2**20:.0f} MiB"
                " of events.memory; ask for a shorter range"
            )
            return EventQueryError(text)
        if isinstance(exc, duckdb.SerializationException):
            return CorruptDataError(f"{self.path.name}: {text}")
        # DuckDB reports every error of the file system as this.
        kind = UnwritableError if isinstance(exc, duckdb.IOException) else StorageError
        return kind(f"{self.path.name}: {text}")
