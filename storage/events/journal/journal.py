"""Batches that are on the disk, but not yet in the tables of the database.

A commit of DuckDB costs 3 to 5 ms of CPU however few its rows are, so each batch is appended
to a file and acknowledged, and many batches are folded into the tables together. The
transaction that does so stores the number of the last record: after a crash at any moment,
each record is folded once.
"""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from storage.api.errors import StorageError, UnwritableError
from storage.events.journal.rows import JournalRows
from storage.events.journal.segments import (
    SegmentWriter,
    delete_segment,
    keep_segment,
    read_segment,
    record,
    segment_paths,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JournalSize:
    """The number of rows, and the size of their records."""

    rows: int = 0
    size_bytes: int = 0

    def plus(self, rows: int, size_bytes: int) -> "JournalSize":
        """Return the size with further rows."""
        return JournalSize(self.rows + rows, self.size_bytes + size_bytes)

    def exceeds(self, rows: int, size_bytes: int) -> bool:
        """Whether one of the bounds is reached."""
        return self.rows >= rows or self.size_bytes >= size_bytes


class EventJournal:
    """The journal of one database, from any thread; one thread appends, another one folds.

    Attributes:
        pending: what is not in the tables; read without waiting for a sync.
        fresh: what has come since the last fold began.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._mark = b""
        self._next = 1
        self._batches: list[tuple[int, JournalRows, int]] = []
        self._writer: SegmentWriter | None = None
        # Files that are complete, and the number of the last record of each.
        self._closed: list[tuple[int, Path]] = []
        self._damaged: dict[Path, int] = {}
        self.pending = self.fresh = JournalSize()

    def open(self, mark: bytes, folded: int) -> None:
        """Read the files that a crash has left; once more, forget what has been folded.

        Args:
            mark: identifies the store.
            folded: the number of the last record that is in the tables.

        Raises:
            CorruptDataError: a file belongs to another store.
            UnwritableError: a file cannot be read.
        """
        if self._mark:
            self.forget(folded)
            return
        with self._lock:
            self._next = folded + 1
            try:
                for path in segment_paths(self._database):
                    last, contents = 0, read_segment(path, mark)
                    for number, rows in contents.records:
                        last = number
                        if number > folded:
                            self._add(number, rows, 0)
                    if contents.damaged:
                        self._damaged[path] = contents.damaged
                    self._closed.append((last, path))
                    self._next = max(self._next, last + 1)
            except OSError as exc:
                raise UnwritableError(f"{self._database.name}: {exc}") from exc
            self._mark = mark
        self.forget(folded)

    def append(self, batches: Sequence[JournalRows]) -> None:
        """Append batches, one record each; they are on the disk on return.

        Raises:
            StorageError: nothing was stored.
        """
        if not batches:
            return
        with self._lock:
            first, self._next = self._next, self._next + len(batches)
            try:
                records = [record(first + at, rows) for at, rows in enumerate(batches)]
            except TypeError as exc:
                raise StorageError(f"a text of the batch cannot be stored: {exc}") from exc
            try:
                if self._writer is None:
                    self._writer = SegmentWriter(self._database, first, self._mark)
                self._writer.append(b"".join(records), self._next - 1)
            except OSError as exc:
                self._close_segment()
                raise UnwritableError(f"{self._database.name}: {exc}") from exc
            for at, (rows, data) in enumerate(zip(batches, records, strict=True)):
                self._add(first + at, rows, len(data))

    def batches(self) -> list[tuple[int, JournalRows]]:
        """Return the pending batches and their numbers, in the order of their arrival."""
        with self._lock:
            return [(number, rows) for number, rows, _ in self._batches]

    def begin_fold(self) -> list[tuple[int, JournalRows]]:
        """Return what `batches` does; later batches go to another file."""
        with self._lock:
            self._close_segment()
            self.fresh = JournalSize()
            return [(number, rows) for number, rows, _ in self._batches]

    def forget(self, folded: int) -> None:
        """Forget the batches up to a number, and delete the files that have no other ones."""
        with self._lock:
            self._batches = [each for each in self._batches if each[0] > folded]
            self.pending = JournalSize(
                sum(len(rows) for _, rows, _ in self._batches),
                sum(size for _, _, size in self._batches),
            )
            done = [path for last, path in self._closed if last <= folded]
            self._closed = [each for each in self._closed if each[0] > folded]
        for path in done:
            # A file that stays is deleted after the next start.
            with suppress(OSError):
                self._remove(path)

    def close(self) -> None:
        """Close the newest file; pending batches are read at the next start."""
        with self._lock:
            self._close_segment()

    def _remove(self, path: Path) -> None:
        damaged = self._damaged.pop(path, 0)
        if not damaged:
            delete_segment(path)
            return
        kept = keep_segment(path)
        log.error("event_journal_damaged", file=path.name, kept_as=kept.name, batches=damaged)

    def _add(self, number: int, rows: JournalRows, size: int) -> None:
        self._batches.append((number, rows, size))
        self.pending = self.pending.plus(len(rows), size)
        self.fresh = self.fresh.plus(len(rows), size)

    def _close_segment(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._closed.append((self._writer.last, self._writer.path))
            self._writer = None
