"""The file `records.db`: opens and migrates it, and runs reads and writes.

While the disk refuses writes, a copy in memory takes those that may wait: sessions, the
audit log, alerts and the outbox. Once the disk accepts writes again, the changed rows are
written to it in one transaction.

A write that does not return for a second, as on a slow disk, must not hold up alerts. Another
thread then takes the copy over: it adopts what that write has repeated there, and runs the
writes that may wait for the disk. After some seconds, the disk is stuck: other writes are
refused from then on.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database, Migrations

from model.conditions import DISK_SLOW, RECORDS_UNWRITABLE, Conditions
from model.process.worker_threads import WorkerThreads
from storage.api.errors import (
    CorruptDataError,
    StorageError,
    StoreClosedError,
    UnwritableError,
)
from storage.damage import Damage
from storage.database import (
    SQLITE_ERRORS,
    STUCK_S,
    Writer,
    integrity_problems,
    require_writable,
    translate,
)
from storage.jobs import Job, Jobs, OvertakenError, SlowWriteError
from storage.records.disk_reads import DiskReads
from storage.records.memory_copy import MemoryCopy
from storage.records.salvage import NO_REBUILD_FIX, log_lost, note_rebuilt, rebuild
from storage.worker import Worker

T = TypeVar("T")

_LOOK_S = 0.5
_PATIENCE_S = 1.0
"""What may wait for the disk goes on in memory behind a write that takes longer."""
# Larger files are checked by `redshank doctor` only: a second of reading at the start.
_CHECKED_BYTES = 64 * 2**20


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
        self._reads = DiskReads(path, lambda: self._refusal is not None)
        self.damage = Damage()
        # One thread at a time uses the copy, and decides whether it takes the writes.
        self._lock = threading.RLock()
        self._copy: MemoryCopy | None = None
        # Why the copy takes the writes, None while the disk does.
        self._refusal: StorageError | None = None
        self._jobs = Jobs()
        self._running: Job[object] | None = None
        self._memory_thread = WorkerThreads(1, thread_name_prefix="records-in-memory")
        self._recovery: Future[None] | None = None
        self._looking = Worker("records", _LOOK_S, self._look)

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
                raise CorruptDataError(f"{exc}; {NO_REBUILD_FIX}") from failure
            note_rebuilt(self._conditions, self.path, exc, kept_as, lost)
            self._open(subjects)
        self._looking.start()

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
        job = Job(_wrapped(work), may_wait=may_wait)
        job.future.add_done_callback(self._changed)
        self._jobs.add(job)
        try:
            self._writer.call(self._run_next)
        except StoreClosedError:
            self._jobs.take(job)
            raise
        if self._is_held_up:
            self._beside(self._take_over)
        return await asyncio.shield(asyncio.wrap_future(job.future))

    @property
    def _is_held_up(self) -> bool:
        """Whether writes wait that should go on in memory, or be refused."""
        return self.writing_s >= (_PATIENCE_S if self._jobs.any_may_wait else STUCK_S)

    def _run_next(self) -> None:
        """Run the next job, if all are not taken, on disk or in memory; on the writer's thread."""
        job = self._jobs.take_next()
        if job is None:
            return
        self._running = job
        job.settle(lambda: self._run(job))
        self._running = None

    def _run(self, job: Job[T]) -> T:
        if self._refusal is not None and not job.may_wait:
            self._recover()
        if self._refusal is None:
            try:
                return self._write(job)
            except OvertakenError:
                if not job.may_wait:
                    return self._write_after_recovery(job)
            except (CorruptDataError, UnwritableError) as exc:
                self._refuse(exc)
                if not (job.may_wait or job.is_adopted):
                    raise
        if job.is_adopted:
            # The copy has its changes, and writes them again.
            self._recover()
            if job.may_wait or self._refusal is None:
                return job.returned  # type: ignore[return-value]
        if not job.may_wait:
            raise UnwritableError(str(self._refusal))
        with self._lock:
            return self._in_memory(job)

    def _write_after_recovery(self, job: Job[T]) -> T:
        self._recover()
        if self._refusal is not None:
            raise UnwritableError(str(self._refusal))
        try:
            return self._write(job)
        except OvertakenError as exc:
            raise UnwritableError(str(self._refusal)) from exc

    def _in_memory(self, job: Job[T]) -> T:
        try:
            return self._memory.run(job.work)
        except SQLITE_ERRORS as exc:
            raise translate(self.path, exc) from exc

    def _write(self, job: Job[T]) -> T:
        copy = self._memory

        def repeated(connection: sqlite3.Connection) -> T:
            result = job.work(connection)
            with self._lock:
                if self._refusal is not None:
                    raise OvertakenError
                job.returned = result
                copy.repeat()
            return result

        # With a slow disk, what may wait for the disk does not wait for its sync either: it
        # survives a killed process, but not a power cut.
        is_slow = any(one.kind is DISK_SLOW for one in self._conditions.active())
        try:
            result = self._writer.transact(repeated, durable=not (job.may_wait and is_slow))
        except BaseException:
            self._end_repeat(job, copy.undo)
            raise
        self._end_repeat(job, copy.keep)
        return result

    def _end_repeat(self, job: Job[T], end: Callable[[], None]) -> None:
        with self._lock:
            if not job.is_adopted:
                end()

    def _look(self) -> None:
        """Take the copy over from a slow write, or try the disk again; on a thread of its own."""
        if self._is_held_up:
            self._beside(self._take_over).result()
        elif self._refusal is not None and (self._recovery is None or self._recovery.done()):
            self._recovery = self._writer.call(self._recover)

    def _beside(self, work: Callable[[], T]) -> Future[T]:
        """Queue work with the copy, on a thread that no disk makes wait."""
        try:
            return self._memory_thread.submit(work)
        except RuntimeError as exc:
            raise StoreClosedError(f"{self.path.name} is closed") from exc

    def _take_over(self) -> None:
        """Run in memory what waits behind a slow write; on the thread of the copy."""
        with self._lock:
            waited_s = self.writing_s
            if waited_s < _PATIENCE_S:
                return
            is_stuck = waited_s >= STUCK_S
            if self._refusal is None or isinstance(self._refusal, SlowWriteError):
                reason = f"{self.path.name}: a write has not returned for {waited_s:.0f} s"
                self._refusal = SlowWriteError(reason)
            if is_stuck:
                self._refuse(self._refusal)
            job = self._running
            if self._memory.adopt() and job is not None:
                job.is_adopted = True
                if job.may_wait:
                    job.finish(job.returned)
        for waiting in self._jobs.take_all(may_wait=not is_stuck):
            self._beside(partial(self._run_beside, waiting))

    def _run_beside(self, job: Job[object]) -> None:
        """Run a job in memory while the writer's thread is stuck; on the thread of the copy."""
        with self._lock:
            if self._refusal is None:
                # The disk is back.
                self._jobs.add(job)
                self._writer.call(self._run_next)
                return
            if not job.may_wait:
                job.fail(UnwritableError(str(self._refusal)))
                return
            job.settle(lambda: self._in_memory(job))

    @property
    def _memory(self) -> MemoryCopy:
        if self._copy is None:
            raise StoreClosedError(f"{self.path.name} is not open")
        return self._copy

    def _refuse(self, error: StorageError) -> None:
        self._refusal = error
        self._conditions.set(RECORDS_UNWRITABLE, str(error))

    def _recover(self) -> None:
        """Write what the copy has taken to the disk, if that accepts it; on the writer's thread."""
        refusal = self._refusal
        if refusal is None:
            return
        try:
            if isinstance(refusal, CorruptDataError):
                with self._lock:
                    self._rebuild(refusal)
                    self._refusal = None
            else:
                self._write_back()
        except (StorageError, OSError) as exc:
            if not isinstance(exc, CorruptDataError):
                exc = UnwritableError(str(exc))
            self._refuse(exc)
            return
        self._changed()
        self._conditions.clear(RECORDS_UNWRITABLE)

    def _write_back(self) -> None:
        """Write to the disk what it lacks, until it lacks nothing."""
        with self._lock:
            taken = self._memory.take_unwritten()
        while True:
            try:
                taken.write_to(self._writer)
            except BaseException:
                with self._lock:
                    self._memory.give_back(taken)
                raise
            with self._lock:
                # A stuck write: the copy has gone on meanwhile.
                taken = self._memory.take_unwritten()
                if not taken.rows:
                    self._refusal = None
                    return

    def _rebuild(self, refusal: CorruptDataError) -> None:
        self._reads.release()
        self._writer.shut()
        kept_as, lost = rebuild(self.path, self._memory.connection)
        self._reads.release()
        self._writer.reopen()
        self._memory.close()
        self._new_copy()
        note_rebuilt(self._conditions, self.path, refusal, kept_as, lost)

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
            try:
                return await self._reads.run(wrapped, urgent=urgent)
            except (CorruptDataError, UnwritableError) as exc:
                if self._refusal is None:
                    self._refuse(exc)
        return await asyncio.wrap_future(self._beside(partial(self._read_copy, wrapped)))

    def _read_copy(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._memory.connection)
            except SQLITE_ERRORS as exc:
                raise translate(self.path, exc) from exc

    def close(self) -> None:
        """Finish the queued work and close the file; blocks.

        What the disk still refuses is lost; the failure is logged.
        """
        self._looking.stop()
        self._reads.end()
        self._memory_thread.shutdown()
        with suppress(StorageError):
            self._writer.call(self._give_up).result()
        self._reads.close()
        self._writer.close()

    def _give_up(self) -> None:
        self._recover()
        if self._refusal is not None and self._memory.unwritten:
            log_lost(self.path, self._memory.unwritten, self._refusal)
        if self._copy is not None:
            self._copy.close()
            self._copy = None
