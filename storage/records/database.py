"""The file `records.db`: opens and migrates it, and runs reads and writes.

While the disk refuses writes, a copy in memory takes those that may wait: sessions, the
audit log, alerts and the outbox. Once the disk accepts writes again, the changed rows are
written to it in one transaction.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from sqlite_utils import Database, Migrations

from model.conditions import DISK_SLOW, RECORDS_REBUILT, RECORDS_UNWRITABLE, Conditions
from model.process.worker_threads import WorkerThreads
from storage.api.errors import (
    CorruptDataError,
    StorageError,
    StoreClosedError,
    UnwritableError,
)
from storage.damage import RESTORE, Damage
from storage.database import (
    SQLITE_ERRORS,
    Readers,
    Writer,
    integrity_problems,
    require_writable,
    translate,
)
from storage.records.memory_copy import MemoryCopy
from storage.records.salvage import rebuild
from storage.worker import Worker

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RETRY_S = 2.0
# Larger files are checked by `redshank doctor` only: a second of reading at the start.
_CHECKED_BYTES = 64 * 2**20

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

    def __init__(self, path: Path, conditions: Conditions) -> None:
        self.path = path
        self.version = object()
        self._conditions = conditions
        # fsync on each commit: an acknowledged record survives a power cut.
        self._writer = Writer(path, "pragma synchronous = full;", conditions=conditions)
        self._readers = Readers(path)
        self.damage = Damage()
        self._threads = WorkerThreads(2, thread_name_prefix="read-records")
        self._urgent_thread = WorkerThreads(1, thread_name_prefix="read-outbox")
        self._copy: MemoryCopy | None = None
        # Why the copy takes the writes, None while the disk does.
        self._refusal: StorageError | None = None
        self._retrying = Worker("records", _RETRY_S, self._retry)

    def open(self, migrations: Iterable[Migrations]) -> None:
        """Open the file, rebuild it if it is damaged, and apply the pending migrations; blocks.

        Raises:
            StorageError: the file cannot be opened or migrated.
        """
        subjects = tuple(migrations)
        try:
            self._open(subjects)
        except CorruptDataError as exc:
            self._writer.call(self._writer.shut).result()
            try:
                kept_as, lost = rebuild(self.path)
            except StorageError as failure:
                # Not replaced by an empty file: a server without users has no login.
                raise CorruptDataError(f"{exc}; {_FIX}") from failure
            self._note_rebuilt(exc, kept_as, lost)
            self._open(subjects)
        self._retrying.start()

    def _open(self, subjects: Iterable[Migrations]) -> None:
        def migrate(database: Database) -> None:
            for subject in subjects:
                subject.apply(database)

        require_writable(self.path)
        if self.path.exists() and self.path.stat().st_size <= _CHECKED_BYTES:
            for problem in integrity_problems(self.path):
                raise CorruptDataError(f"{self.path.name}: {problem}")
        self._writer.call(self._writer.reopen).result()
        self._writer.submit(_wrapped(migrate)).result()
        self._writer.call(self._new_copy).result()

    def _new_copy(self) -> None:
        try:
            self._copy = MemoryCopy(self._writer.connection)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc

    def _note_rebuilt(self, error: StorageError, kept_as: str, lost: int) -> None:
        self._conditions.set(RECORDS_REBUILT, f"{error}; the damaged file is {kept_as}")
        log.warning(
            "records_rebuilt",
            file=self.path.name,
            error=str(error),
            kept_as=kept_as,
            unreadable=lost,
            fix=RESTORE,
        )

    @property
    def writing_s(self) -> float:
        """How long the running write has taken so far."""
        return self._writer.writing_s

    async def write(self, work: Callable[[Database], T]) -> T:
        """Run `work` in one transaction; return its result once it is on disk.

        Raises:
            UnwritableError: the disk refuses the write; nothing is stored.
            StorageError: SQLite reports another error; nothing is stored.
        """
        return await self._submit(work, may_wait=False)

    async def keep(self, work: Callable[[Database], T]) -> T:
        """Run `work` in one transaction; return its result once it is on disk, or in memory.

        While the disk refuses writes, the rows that `work` changes are in memory, where all
        reads see them, and reach the disk once it accepts writes again. A server that is
        killed before that loses them.

        Raises:
            StorageError: SQLite reports an error of the statement; nothing is stored.
        """
        return await self._submit(work, may_wait=True)

    async def _submit(self, work: Callable[[Database], T], *, may_wait: bool) -> T:
        self._changed()
        written = self._writer.call(lambda: self._run(_wrapped(work), may_wait=may_wait))
        written.add_done_callback(self._changed)
        return await asyncio.shield(asyncio.wrap_future(written))

    def _run(self, work: Callable[[sqlite3.Connection], T], *, may_wait: bool) -> T:
        """Run work on the disk, or in memory; on the writer's thread."""
        if self._refusal is not None and not may_wait:
            self._recover()
        if self._refusal is None:
            try:
                return self._write(work, may_wait=may_wait)
            except (CorruptDataError, UnwritableError) as exc:
                self._refuse(exc)
                if not may_wait:
                    raise
        if not may_wait:
            raise UnwritableError(str(self._refusal))
        try:
            return self._memory.run(work)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc

    def _write(self, work: Callable[[sqlite3.Connection], T], *, may_wait: bool) -> T:
        copy = self._memory

        def repeated(connection: sqlite3.Connection) -> T:
            result = work(connection)
            copy.repeat()
            return result

        # With a slow disk, what may wait for the disk does not wait for its sync either: it
        # survives a killed process, but not a power cut.
        is_slow = any(one.kind is DISK_SLOW for one in self._conditions.active())
        try:
            result = self._writer.transact(repeated, durable=not (may_wait and is_slow))
        except BaseException:
            copy.undo()
            raise
        copy.keep()
        return result

    @property
    def _memory(self) -> MemoryCopy:
        if self._copy is None:
            raise StoreClosedError(f"{self.path.name} is not open")
        return self._copy

    def _refuse(self, error: StorageError) -> None:
        self._refusal = error
        self._conditions.set(RECORDS_UNWRITABLE, str(error))

    def _retry(self) -> None:
        """Try to write to the disk again, if it refused; on a thread of its own."""
        if self._refusal is not None:
            with suppress(StorageError):
                self._writer.call(self._recover).result()

    def _recover(self) -> None:
        """Write what the copy has taken to the disk, if that accepts it; on the writer's thread."""
        refusal = self._refusal
        if refusal is None:
            return
        try:
            if isinstance(refusal, CorruptDataError):
                self._rebuild(refusal)
            else:
                self._write_back()
        except (StorageError, OSError) as exc:
            if not isinstance(exc, CorruptDataError):
                exc = UnwritableError(str(exc))
            self._refuse(exc)
            return
        self._refusal = None
        self._changed()
        self._conditions.clear(RECORDS_UNWRITABLE)

    def _write_back(self) -> None:
        copy, connection = self._memory, self._writer.connection
        try:
            connection.execute("pragma foreign_keys = off")
            self._writer.transact(copy.write_back, durable=True)
        finally:
            connection.execute("pragma foreign_keys = on")
        copy.written()

    def _rebuild(self, refusal: CorruptDataError) -> None:
        self._readers.release()
        self._writer.shut()
        kept_as, lost = rebuild(self.path, self._memory.connection)
        self._readers.release()
        self._writer.reopen()
        self._memory.close()
        self._new_copy()
        self._note_rebuilt(refusal, kept_as, lost)

    def _changed(self, _: object = None) -> None:
        self.version = object()

    async def read(self, work: Callable[[Database], T], *, urgent: bool = False) -> T:
        """Run `work` on a read-only connection in a thread, or on the copy in memory.

        Urgent reads have a thread of their own: deliveries never wait for pages.

        Raises:
            StorageError: SQLite reports an error.
        """
        wrapped = _wrapped(work)
        if self._refusal is None:
            threads = self._urgent_thread if urgent else self._threads
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(threads, self._readers.read, wrapped)
            except (CorruptDataError, UnwritableError) as exc:
                await asyncio.wrap_future(self._writer.call(partial(self._refuse, exc)))
        return await asyncio.wrap_future(self._writer.call(partial(self._read_copy, wrapped)))

    def _read_copy(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._memory.connection)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc

    def close(self) -> None:
        """Finish the queued work and close the file; blocks.

        What the disk still refuses is lost; the failure is logged.
        """
        self._retrying.stop()
        self._threads.shutdown()
        self._urgent_thread.shutdown()
        with suppress(StorageError):
            self._writer.call(self._give_up).result()
        self._readers.close()
        self._writer.close()

    def _give_up(self) -> None:
        self._recover()
        if self._refusal is not None and self._memory.unwritten:
            log.error(
                "records_lost",
                file=self.path.name,
                rows=self._memory.unwritten,
                error=str(self._refusal),
                fix="free disk space before you stop the server",
            )
        if self._copy is not None:
            self._copy.close()
            self._copy = None
