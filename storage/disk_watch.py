"""Watches the disk of a data directory: whether it is there, answers, and is fast again."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from model.conditions import DATA_DIRECTORY_GONE, DISK_SLOW, Conditions
from storage.database import SLOW_COMMIT_S, STUCK_S
from storage.worker import Worker

_INTERVAL_S = 5.0
_STUCK_INTERVAL_S = 1.0


class DiskWatch:
    """Sets `DATA_DIRECTORY_GONE`, and clears it and `DISK_SLOW` once all is well.

    The writers notice a slow disk once it has answered. They then avoid to wait for it, so
    only a write of our own shows when it is fast again. A disk that does not answer is
    noticed by a thread that never touches it.

    Args:
        directory: the data directory.
        conditions: where the conditions are set.
        writing: returns how long the running write of each file has taken so far.
    """

    def __init__(
        self,
        directory: Path,
        conditions: Conditions,
        writing: Mapping[str, Callable[[], float]] | None = None,
    ) -> None:
        self._directory, self._conditions = directory, conditions
        self._writing = writing or {}
        self._identity: tuple[int, int] | None = None
        self._worker = Worker("disk", _INTERVAL_S, self.look)
        self._witness = Worker("disk-witness", _STUCK_INTERVAL_S, self.look_for_stuck)

    def start(self) -> None:
        """Remember the directory as it is now, and watch it in a thread."""
        status = self._directory.stat()
        self._identity = status.st_dev, status.st_ino
        self._worker.start()
        self._witness.start()

    def stop(self) -> None:
        """End the threads; blocks."""
        self._witness.stop()
        self._worker.stop()

    def look_for_stuck(self) -> None:
        """Set `DISK_SLOW` while a write does not return."""
        stuck = self._stuck()
        if stuck:
            self._conditions.set(DISK_SLOW, stuck)

    def _stuck(self) -> str:
        """Return which write does not return, "" if all do."""
        waits = [(waiting_s(), file) for file, waiting_s in self._writing.items()]
        wait_s, file = max(waits, default=(0.0, ""))
        return f"{file}: a write has not returned for {wait_s:.0f} s" if wait_s >= STUCK_S else ""

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
                if taken_s < SLOW_COMMIT_S / 2 and not self._stuck():
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
