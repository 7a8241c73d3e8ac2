"""The file of a window: its writing connection, its readers and its size on disk."""

import errno
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from storage.api.errors import CorruptDataError, StorageError
from storage.database import Readers, Writer, free_pages
from storage.syncing import sync

T = TypeVar("T")

_AT_CREATION = "pragma auto_vacuum = incremental;"
# secure_delete (Debian's default) would overwrite each deleted row with zeros.
_PRAGMAS = """
pragma secure_delete = off;
pragma journal_size_limit = 8388608;
pragma cache_size = -512;
"""
_READER_PRAGMAS = "pragma cache_size = -512;"

_PAGES_FREED_AT_ONCE = 2000


class WindowFile:
    """One SQLite file; one thread writes it, any thread may read it.

    Attributes:
        is_damaged: whether SQLite found the file damaged: its readable rows are still
            read, but it is no longer written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_damaged = False
        self._writer: Writer | None = None
        self._wrote = False
        self._readers = Readers(path, _READER_PRAGMAS)

    def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = True) -> T:
        """Run a write in one transaction; blocks. Call it on one thread only.

        Raises:
            StorageError: the disk refused the write.
            CorruptDataError: the file is damaged.
        """
        writer = self._writer or self._open_writer()
        try:
            return writer.submit(work, durable=durable).result()
        except CorruptDataError:
            self.is_damaged = True
            raise

    def _open_writer(self) -> Writer:
        writer = Writer(self.path, _PRAGMAS, _AT_CREATION)
        try:
            writer.open()
        except StorageError:
            writer.close()
            raise
        self._writer, self._wrote = writer, True
        return writer

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read on one snapshot of the file; blocks.

        Raises:
            StorageError: SQLite reports an error.
            CorruptDataError: the file is damaged.
        """

        def snapshot(connection: sqlite3.Connection) -> T:
            connection.execute("begin")
            try:
                return work(connection)
            finally:
                connection.execute("rollback")

        try:
            return self._readers.read(snapshot)
        except CorruptDataError:
            self.is_damaged = True
            raise

    def release_writer(self) -> None:
        """Close the writing connection until the next write; blocks.

        It writes a checkpoint first: SQLite does so when the last connection closes, but
        the last one may be a reader, which cannot.
        """
        if self._writer is not None:
            with suppress(StorageError):
                self._writer.checkpoint()
            self._writer.close()
            self._writer = None

    def release_readers(self) -> None:
        """Close the reading connections until the next read; blocks."""
        self._readers.release()

    def close(self) -> None:
        """Close every connection; blocks."""
        self._readers.close()
        if self._writer is None and self._wrote and not self.is_damaged:
            # SQLite deletes the write-ahead log if the last connection to close can write.
            with suppress(StorageError):
                self._open_writer()
        self.release_writer()

    def rename(self, path: Path) -> None:
        """Give a closed file another name, which survives a power cut; blocks.

        Raises:
            OSError: the disk refused, or has not written all of the file yet.
        """
        file, log, _ = self.files()
        if log.exists():
            raise OSError(errno.EIO, "its write-ahead log is not in the file", str(log))
        file.replace(path)
        sync(path.parent)

    @property
    def size_bytes(self) -> int:
        """The size of the file and its write-ahead log."""
        return sum(file.stat().st_size for file in self.files() if file.exists())

    def files(self) -> list[Path]:
        """Return the file and the files that SQLite keeps beside it."""
        return [self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm")]

    def shrink(self) -> None:
        """Give unused pages back to the file system; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        while self.write(partial(free_pages, most=_PAGES_FREED_AT_ONCE)):
            pass
