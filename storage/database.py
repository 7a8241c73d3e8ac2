"""SQLite files: one writer thread each, and read-only connections for readers.

SQLite before 3.51.3 can corrupt a WAL database that several connections write or
checkpoint (https://sqlite.org/wal.html, "The WAL-reset bug"), so exactly one
connection of a file writes and checkpoints; all others are opened read-only.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from model.conditions import DISK_SLOW, Conditions
from model.process.worker_threads import WorkerThreads
from storage.api.errors import (
    CorruptDataError,
    StorageError,
    StoreClosedError,
    UnwritableError,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

_WRITER_PRAGMAS = """
pragma journal_mode = wal;
pragma synchronous = normal;
pragma foreign_keys = on;
pragma busy_timeout = 5000;
"""

_READER_PRAGMAS = """
pragma query_only = on;
pragma busy_timeout = 5000;
"""


SLOW_COMMIT_S: Final = 2.0
"""A durable commit that takes longer shows a slow disk; usual ones take milliseconds."""
STUCK_S: Final = 5.0
"""A write that has not returned for so long has met a disk that does not answer."""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_REFUSAL = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
)

# UnicodeDecodeError: SQLite's message about a damaged schema may quote bytes that are not
# UTF-8, and sqlite3 fails to decode it.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def translate(path: Path, exc: Exception) -> StorageError:
    """Return a storage error with the name of the file and SQLite's message.

    `CorruptDataError` for damage, `UnwritableError` if the disk refuses for now.
    """
    # Extended codes have the primary code in their low byte.
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    kinds = dict.fromkeys(_DAMAGE, CorruptDataError) | dict.fromkeys(_REFUSAL, UnwritableError)
    return kinds.get(code, StorageError)(f"{path.name}: {exc}")


def require_writable(path: Path) -> None:
    """Return if a file is missing, or may be written.

    SQLite opens a read-only file without an error and fails at the first write. Even a
    reader leaves a `-shm` file with the mode of the database, which is then read-only too.

    Raises:
        UnwritableError: its mode or owner forbids writing.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise UnwritableError(
            f"{path.name} is not writable by uid {os.getuid()}; change its owner or mode"
        )


def set_aside(path: Path) -> str:
    """Rename a damaged file with its `-wal` and `-shm` files, and return the new name.

    No connection may have it open.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.rename(aside.with_name(aside.name + end))
    return aside.name


class Writer:
    """Runs every write, one at a time, on the thread that owns the connection.

    Each piece of work is one transaction: it commits when the work returns and rolls
    back when it raises. Cancelling the caller does not undo a write that has started.
    """

    def __init__(
        self,
        path: Path,
        pragmas: str = "",
        at_creation: str = "",
        conditions: Conditions | None = None,
    ) -> None:
        self.path, self._conditions = path, conditions
        # Settings of the file format only work before the first page is written.
        self._pragmas = at_creation + _WRITER_PRAGMAS + pragmas
        self._connection: sqlite3.Connection | None = None
        # What the connection was last set to, None while the pragmas decide.
        self._durable: bool | None = None
        self._since_s: float | None = None
        self._thread = WorkerThreads(1, thread_name_prefix=f"write-{path.stem}")

    def open(self) -> None:
        """Open the file, which is created if it is missing; blocks.

        Raises:
            StorageError: it cannot be opened, or is not a database.
        """
        self._thread.submit(self._open).result()

    def call(self, work: Callable[[], T]) -> "Future[T]":
        """Queue work that needs no transaction, on the thread that owns the connection.

        Raises:
            StoreClosedError: the writer is closed.
        """
        try:
            return self._thread.submit(work)
        except RuntimeError as exc:
            raise StoreClosedError(f"{self.path.name} is closed") from exc

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for work that runs on the thread that owns it.

        Raises:
            StoreClosedError: the writer is not open.
        """
        if self._connection is None:
            raise StoreClosedError(f"{self.path.name} is not open")
        return self._connection

    @property
    def writing_s(self) -> float:
        """How long the running transaction or checkpoint has taken so far; any thread."""
        since_s = self._since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def reopen(self) -> None:
        """Open the file again; call it on the thread that owns the connection.

        Raises:
            StorageError: it cannot be opened.
        """
        self.shut()
        self._open()

    def shut(self) -> None:
        """Close the file without a checkpoint, whatever its state, until `reopen`.

        Call it on the thread that owns the connection.
        """
        if self._connection is not None:
            with suppress(*SQLITE_ERRORS):
                self._connection.close()
            self._connection = None

    def _open(self) -> None:
        require_writable(self.path)
        try:
            connection = sqlite3.connect(self.path, isolation_level=None)
            try:
                connection.executescript(self._pragmas)
            except SQLITE_ERRORS:
                connection.close()
                raise
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc
        self._connection, self._durable = connection, None

    def submit(
        self, work: Callable[[sqlite3.Connection], T], *, durable: bool | None = None
    ) -> "Future[T]":
        """Queue work from any thread and return its future.

        Args:
            work: runs in one transaction.
            durable: True: the commit survives a power cut (fsync). False: it survives a
                killed process. None: as the pragmas of the writer set it.

        Raises:
            StoreClosedError: the writer is closed.
        """
        try:
            return self._thread.submit(self.transact, work, durable)
        except RuntimeError as exc:
            raise StoreClosedError(f"{self.path.name} is closed") from exc

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in one transaction and return its result once it is committed.

        Raises:
            StorageError: SQLite reports an error: disk full, read-only, corrupt.
            StoreClosedError: the writer is not open.
        """
        return await asyncio.shield(asyncio.wrap_future(self.submit(work)))

    def transact(self, work: Callable[[sqlite3.Connection], T], durable: bool | None = None) -> T:
        """Run work in one transaction; call it on the thread that owns the connection.

        Raises:
            StorageError: SQLite reports an error.
            StoreClosedError: the writer is not open.
        """
        connection = self.connection
        self._since_s = time.monotonic()
        try:
            if durable is not None and durable is not self._durable:
                connection.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
                self._durable = durable
            connection.execute("begin immediate")
            try:
                result = work(connection)
                started_s = time.monotonic()
                connection.execute("commit")
                self._note_duration(time.monotonic() - started_s)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc
        finally:
            self._since_s = None
        return result

    def _note_duration(self, commit_s: float) -> None:
        if self._conditions is not None and commit_s >= SLOW_COMMIT_S:
            self._conditions.set(DISK_SLOW, f"{self.path.name}: {commit_s:.1f} s for a commit")

    def checkpoint(self) -> None:
        """Copy the WAL into the file and truncate it, unless readers need it; blocks.

        Raises:
            StorageError: SQLite reports an error.
        """
        self._thread.submit(self._checkpoint).result()

    def _checkpoint(self) -> None:
        self._since_s = time.monotonic()
        try:
            if self._connection is not None:
                self._connection.execute("pragma wal_checkpoint(truncate)")
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc
        finally:
            self._since_s = None

    def close(self) -> None:
        """Finish queued work and close the file; blocks. Safe to call twice."""
        try:
            self._thread.submit(self._close).result()
        except RuntimeError:
            return
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            # SQLite checkpoints on close only if no reader has the file open.
            with suppress(*SQLITE_ERRORS):
                self._connection.execute("pragma wal_checkpoint(truncate)")
            self._connection.close()
            self._connection = None


def free_pages(connection: sqlite3.Connection, most: int, keep: int = 0) -> bool:
    """Return free pages to the file system; return whether there are more.

    Args:
        connection: in a transaction, on a file with incremental vacuum.
        most: the number of pages to return at most.
        keep: the number of free pages to keep for the next writes.
    """
    (before,) = connection.execute("pragma freelist_count").fetchone()
    # sqlite3 steps a statement without columns once, and each step frees one page.
    for _ in range(min(before - keep, most)):
        connection.execute("pragma incremental_vacuum(1)")
    (after,) = connection.execute("pragma freelist_count").fetchone()
    # The count does not change in a file without incremental vacuum.
    return bool(keep < after < before)


class Readers:
    """A pool of read-only connections to one file, one for each concurrent read."""

    def __init__(self, path: Path, pragmas: str = "") -> None:
        self.path = path
        self._pragmas = _READER_PRAGMAS + pragmas
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work on a connection of its own; blocks.

        Raises:
            StorageError: SQLite reports an error.
            StoreClosedError: the readers are closed.
        """
        try:
            connection = self._take()
            try:
                return work(connection)
            finally:
                self._give_back(connection)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreClosedError(f"{self.path.name} is closed")
            if self._idle:
                return self._idle.pop()
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro{self._immutable()}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.executescript(self._pragmas)
        except SQLITE_ERRORS:
            connection.close()
            raise
        return connection

    def _immutable(self) -> str:
        """Return the option without which SQLite needs a `-shm` file that it cannot create."""
        folder, name = self.path.parent, self.path.name
        needs_wal = any(folder.joinpath(f"{name}{end}").exists() for end in ("-wal", "-shm"))
        return "" if needs_wal or os.access(folder, os.W_OK) else "&immutable=1"

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.rollback()
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def release(self) -> None:
        """Close the idle connections; later reads open new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close the idle connections now, and the others when their reads end."""
        with self._lock:
            self._closed = True
        self.release()


def integrity_problems(path: Path) -> list[str]:
    """Return the problems that SQLite's `quick_check` finds in a file.

    Raises:
        StorageError: the file cannot be read, or is not a database.
    """
    readers = Readers(path)
    try:
        rows = readers.read(lambda connection: connection.execute("pragma quick_check").fetchall())
    finally:
        readers.close()
    return [text for (text,) in rows if text != "ok"]
