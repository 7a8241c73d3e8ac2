"""The journal: the changes of every vector, on disk until its chunk is in a window file.

One row is one group commit: all vectors appended since the last one. A row is deleted when
all its vectors are in window files. SQLite reuses its pages, so the file stays as large as
the changes of one chunk per source.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from model.conditions import SAMPLES_UNWRITABLE, Conditions
from storage.api.errors import CorruptDataError, StorageError, StoreClosedError
from storage.damage import FREE_SPACE
from storage.database import Writer, free_pages, set_aside
from storage.samples.catalog.tables import SCHEMA as CATALOG_SCHEMA
from storage.samples.catalog.tables import CatalogTables
from storage.samples.head.journal_records import AppendedVector
from storage.samples.journal.file import JournalFile
from storage.samples.journal.format import encode_records
from storage.worker import Worker

log = structlog.get_logger(__name__)

T = TypeVar("T")

_SCHEMA = f"""
{CATALOG_SCHEMA}
create table if not exists journal (id integer primary key, records blob not null);
"""

_FORMAT_VERSION = 1

_AT_CREATION = "pragma auto_vacuum = incremental;"
# secure_delete (Debian's default) would overwrite each deleted row with zeros.
_PRAGMAS = """
pragma secure_delete = off;
pragma journal_size_limit = 8388608;
pragma cache_size = -512;
"""

# Bounds a row to some MB when many vectors have piled up because the disk refused writes;
# SQLite allows 1 GB.
_ROW_VECTORS = 4096

# Layouts that no row uses are deleted once there are this many: each change of a source's
# series leaves one behind.
_UNUSED_LAYOUTS = 500

# Free pages are kept for the next rows: 128 MB, more than most journals need.
_PAGES_KEPT = 32_768
_PAGES_FREED_AT_ONCE = 1000


class Journal(JournalFile):
    """Commits appended vectors in groups, on a thread of its own."""

    def __init__(self, path: Path, interval_s: float, conditions: Conditions) -> None:
        super().__init__(path)
        self._conditions = conditions
        self.failed_commits = 0
        self._writer = Writer(path, _PRAGMAS, _AT_CREATION, conditions)
        self._tables = CatalogTables()
        self._pending: deque[AppendedVector] = deque()
        self._unsaved: list[AppendedVector] = []
        # Whether a power cut may still undo the last commit.
        self._unsynced = False
        self._waiting: deque[Future[None]] = deque()
        self._next_row = 1
        # The last row that uses each layout.
        self._layout_rows: dict[int, int] = {}
        self._failing = False
        self._worker = Worker("journal", interval_s, self.flush)
        self._flushing = threading.Lock()
        self._is_open = False

    @property
    def writing_s(self) -> float:
        """How long the running write has taken so far."""
        return self._writer.writing_s

    def open(self) -> None:
        """Open the file, or create it; blocks.

        Raises:
            StorageError: it cannot be opened, or another release has written it.
            CorruptDataError: it is damaged.
        """

        def prepare(connection: sqlite3.Connection) -> None:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version not in (0, _FORMAT_VERSION):
                raise StorageError(
                    f"{self.path.name} has version {version}, not {_FORMAT_VERSION}:"
                    " it was written by another release"
                )
            connection.execute(f"pragma user_version = {_FORMAT_VERSION}")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            self._tables.load(connection)
            (last,) = connection.execute("select max(id) from journal").fetchone()
            self._next_row = (last or 0) + 1
            self._layout_rows = dict.fromkeys(self._tables.layouts(), last or 0)

        try:
            self._writer.open()
            self._writer.submit(prepare).result()
        except CorruptDataError:
            self.is_damaged = True
            raise
        self._is_open = True

    def start(self) -> None:
        """Start to commit in the background."""
        self._worker.start()

    def close(self) -> None:
        """Commit all pending vectors and close the file; blocks.

        Vectors that the disk refuses are lost; the failure is logged.
        """
        self._worker.stop()
        if self._is_open:
            self.flush()
            self._is_open = False
        self._writer.close()
        while self._waiting:
            self._waiting.popleft().set_exception(StoreClosedError("the sample store is closed"))

    def append(self, appended: AppendedVector) -> None:
        """Queue a vector for the next commit; any thread."""
        self._pending.append(appended)

    async def commit(self) -> None:
        """Return once everything queued before is on disk.

        Raises:
            StorageError: the disk refused the write; the next commit retries it.
        """
        waiter: Future[None] = Future()
        self._waiting.append(waiter)
        self._worker.wake()
        await asyncio.wrap_future(waiter)

    def flush(self) -> None:
        """Commit all pending vectors; blocks. Failures are logged, and retried the next time."""
        with self._flushing:
            self._flush()

    def _flush(self) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._unsaved.extend(self._pending.popleft() for _ in range(len(self._pending)))
        error: StorageError | None = None
        if self._unsaved or (waiting and self._unsynced):
            try:
                self._commit(self._unsaved, durable=bool(waiting))
            except StorageError as exc:
                error = exc
                self._unsaved = [one for one in self._unsaved if not one.chunk.is_dropped]
            self._note(error)
        for waiter in waiting:
            if not waiter.set_running_or_notify_cancel():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _commit(self, group: list[AppendedVector], *, durable: bool) -> None:
        first = self._next_row
        rows = [group[at : at + _ROW_VECTORS] for at in range(0, len(group), _ROW_VECTORS)]

        def insert(connection: sqlite3.Connection) -> None:
            # Rewrite the first page: SQLite does not sync a transaction that changes nothing,
            # and the commits before it, which nobody waited for, would stay unsynced.
            connection.execute(f"pragma user_version = {_FORMAT_VERSION}")
            self._tables.put(connection, ((one.chunk.source, one.layout) for one in group))
            connection.executemany(
                "insert into journal values (?, ?)",
                ((first + at, encode_records(row)) for at, row in enumerate(rows)),
            )

        try:
            # If a caller waits for the commit, it must survive a power cut. Otherwise the
            # store may lose the last second.
            self._writer.submit(insert, durable=durable).result()
        except StorageError:
            self._tables.rolled_back()
            raise
        self._tables.committed()
        self._unsynced = not durable
        self._next_row = first + len(rows)
        for one in group:
            self._layout_rows[one.layout.id] = self._next_row - 1
            if one.columns is None:
                one.chunk.journal_row = first
        self._unsaved = []

    def _note(self, error: StorageError | None) -> None:
        if error is not None:
            self.failed_commits += 1
            # The store then writes what is in memory to windows, and replaces the file.
            self.is_damaged |= isinstance(error, CorruptDataError)
            self._conditions.set(SAMPLES_UNWRITABLE, str(error))
            if not self._failing:
                log.error(
                    "journal_commit_failed",
                    file=self.path.name,
                    error=str(error),
                    unsaved_vectors=len(self._unsaved),
                    fix=FREE_SPACE,
                )
        elif self._failing:
            log.info("journal_commits_again", file=self.path.name)
            self._conditions.clear(SAMPLES_UNWRITABLE)
        self._failing = error is not None

    @property
    def next_row(self) -> int:
        """The number of the row that the next commit writes."""
        return self._next_row

    def truncate(self, before_row: int) -> None:
        """Delete the rows before `before_row`, whose vectors are all in chunks; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        with self._flushing:
            unused = {one for one, row in self._layout_rows.items() if row < before_row}
            try:
                self._truncate(before_row, unused)
            except CorruptDataError:
                self.is_damaged = True
                raise
            if len(unused) > _UNUSED_LAYOUTS:
                for layout_id in unused:
                    del self._layout_rows[layout_id]

    def _truncate(self, before_row: int, unused: set[int]) -> None:
        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("delete from journal where id < ?", (before_row,))
            if len(unused) > _UNUSED_LAYOUTS:
                self._tables.delete_layouts(connection, self._layout_rows.keys() - unused)
            # The file is large if the disk refused writes for hours: shrink it step by step.
            free_pages(connection, _PAGES_FREED_AT_ONCE, keep=_PAGES_KEPT)

        self._writer.submit(delete).result()

    def shrink(self) -> None:
        """Give unused pages back to the file system; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        while self._writer.submit(partial(free_pages, most=_PAGES_FREED_AT_ONCE)).result():
            pass

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read on the thread that owns the file; blocks.

        Raises:
            StorageError: SQLite reports an error.
        """
        return self._writer.submit(work).result()

    def replace(self) -> str:
        """Rename a damaged file, create an empty one, and return the new name; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        with self._flushing:
            self._writer.close()
            name = set_aside(self.path)
            self._writer, self._tables = (
                Writer(self.path, _PRAGMAS, _AT_CREATION, self._conditions),
                CatalogTables(),
            )
            self.is_damaged = False
            self.open()
        return name
