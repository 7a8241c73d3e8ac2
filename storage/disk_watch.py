"""Watches the disk of a data directory: whether it is there, and whether it is fast again."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from model.conditions import DATA_DIRECTORY_GONE, DISK_SLOW, Conditions
from storage.database import SLOW_COMMIT_S
from storage.worker import Worker

_INTERVAL_S = 5.0


class DiskWatch:
    """Sets `DATA_DIRECTORY_GONE`, and clears it and `DISK_SLOW` once all is well.

    The writers notice a slow disk. They then avoid to wait for it, so only a write of our
    own shows when it is fast again.
    """

    def __init__(self, directory: Path, conditions: Conditions) -> None:
        self._directory, self._conditions = directory, conditions
        self._identity: tuple[int, int] | None = None
        self._worker = Worker("disk", _INTERVAL_S, self.look)

    def start(self) -> None:
        """Remember the directory as it is now, and watch it in a thread."""
        status = self._directory.stat()
        self._identity = status.st_dev, status.st_ino
        self._worker.start()

    def stop(self) -> None:
        """End the thread; blocks."""
        self._worker.stop()

    def look(self) -> None:
        """Look once; blocks as long as the disk takes."""
        missing = self._missing()
        if missing:
            self._conditions.set(DATA_DIRECTORY_GONE, missing)
            return
        self._conditions.clear(DATA_DIRECTORY_GONE)
        if any(one.kind is DISK_SLOW for one in self._conditions.active()):
            with suppress(OSError):
                taken_s = self._synced_write_s()
                if taken_s < SLOW_COMMIT_S / 2:
                    self._conditions.clear(DISK_SLOW)

    def _missing(self) -> str:
        """Return why the directory is not the one of the start, "" if it is."""
        try:
            status = self._directory.stat()
        except OSError as exc:
            return f"{self._directory.name}: {exc.strerror}"
        if (status.st_dev, status.st_ino) != self._identity:
            return f"another directory is at the place of {self._directory.name}"
        return ""

    def _synced_write_s(self) -> float:
        with tempfile.TemporaryFile(dir=self._directory) as file:
            file.write(bytes(4096))
            file.flush()
            started_s = time.monotonic()
            os.fsync(file.fileno())
            return time.monotonic() - started_s
