"""Reads of the file, in threads, which end even if the disk does not answer."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from model.process.worker_threads import WorkerThreads
from storage.api.errors import UnwritableError
from storage.database import Readers

T = TypeVar("T")

_LOOK_S: Final = 1.0


class DiskReads:
    """Runs reads on read-only connections.

    Args:
        path: the file.
        is_left: returns whether the copy in memory answers reads instead.
    """

    def __init__(self, path: Path, is_left: Callable[[], bool]) -> None:
        self._path, self._is_left = path, is_left
        self._readers = Readers(path)
        self._threads = WorkerThreads(2, thread_name_prefix="read-records")
        self._urgent_thread = WorkerThreads(1, thread_name_prefix="read-outbox")

    async def run(self, work: Callable[[sqlite3.Connection], T], *, urgent: bool) -> T:
        """Run a read; urgent ones have a thread of their own.

        Raises:
            UnwritableError: it does not return, and neither does a write.
            StorageError: SQLite reports an error.
        """
        threads = self._urgent_thread if urgent else self._threads
        reading = asyncio.get_running_loop().run_in_executor(threads, self._readers.read, work)
        try:
            while not (await asyncio.wait({reading}, timeout=_LOOK_S))[0]:
                if self._is_left():
                    reading.add_done_callback(_retrieve)
                    raise UnwritableError(f"{self._path.name}: a read does not return")
            return reading.result()
        finally:
            # A frame that keeps the future of an error is a reference cycle with that error.
            del reading

    def release(self) -> None:
        """Close the idle connections; later reads open new ones."""
        self._readers.release()

    def end(self) -> None:
        """Finish the reads and end the threads; blocks."""
        self._threads.shutdown()
        self._urgent_thread.shutdown()

    def close(self) -> None:
        """Close the connections."""
        self._readers.close()


def _retrieve(reading: "asyncio.Future[T]") -> None:
    """Retrieve the error of a read that nobody awaits, or asyncio logs it."""
    if not reading.cancelled():
        reading.exception()
