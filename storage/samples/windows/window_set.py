"""All windows of a store, and the window that a time belongs to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import structlog

from storage.api.errors import CorruptDataError, StorageError
from storage.damage import REPLACE_FILE, RESTART, RESTORE
from storage.database import set_aside
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.windows.window import Window, delete_incomplete

log = structlog.get_logger(__name__)

# Windows of a week begin on a Monday: the epoch was a Thursday.
_MONDAY_MS = 4 * 86_400_000

# The newest windows keep their connections: most queries are about the last days.
_BUSY_WINDOWS = 2

# Within the years 1 to 9999, with room for a window at either end.
EARLIEST_MS, LATEST_MS = -61_000_000_000_000, 253_000_000_000_000


class WindowSet:
    """The windows, oldest first; one thread adds and removes them, any thread reads."""

    def __init__(self, directory: Path, window_ms: int, metrics: MetricNames) -> None:
        self._directory, self._window_ms, self._metrics = directory, window_ms, metrics
        self._windows: tuple[Window, ...] = ()
        self.unreadable_files = 0

    def __iter__(self) -> Iterator[Window]:
        return iter(self._windows)

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def damaged_items(self) -> int:
        """The number of files that could not be opened, and of damaged rows in all others."""
        return self.unreadable_files + sum(window.damaged_rows for window in self._windows)

    def open(self) -> None:
        """Open every file of the directory; blocks. Damaged files are renamed and left out."""
        self._directory.mkdir(parents=True, exist_ok=True)
        delete_incomplete(self._directory)
        self._open(read_only=False)

    def open_read_only(self) -> None:
        """Open every file without changing any; blocks. Damaged files are left out."""
        self._open(read_only=True)

    def _open(self, *, read_only: bool) -> None:
        windows = []
        for path in sorted(self._directory.glob("*.db")):
            try:
                window = Window.open(path, self._metrics, read_only=read_only)
            except StorageError as exc:
                self.unreadable_files += 1
                if isinstance(exc, CorruptDataError) and not read_only:
                    aside = set_aside(path)
                    log.warning(
                        "window_damaged",
                        file=path.name,
                        kept_as=aside,
                        error=str(exc),
                        fix=REPLACE_FILE,
                    )
                else:
                    log.warning("window_unreadable", file=path.name, error=str(exc), fix=RESTART)
                continue
            windows.append(window)
            if window.damaged_rows:
                log.warning(
                    "window_rows_damaged", file=path.name, rows=window.damaged_rows, fix=RESTORE
                )
        self._set(windows)

    def _set(self, windows: list[Window]) -> None:
        self._windows = tuple(sorted(windows, key=lambda window: window.start_ms))

    def end_of(self, time_ms: int) -> int:
        """Return the exclusive end of the window that a time belongs to.

        Raises:
            ValueError: the time is not within the years 1 to 9999.
        """
        if not EARLIEST_MS <= time_ms <= LATEST_MS:
            raise ValueError(f"{time_ms} ms is not within the years 1 to 9999")
        return self._bounds(time_ms)[1]

    def _bounds(self, time_ms: int) -> tuple[int, int]:
        start = (time_ms - _MONDAY_MS) // self._window_ms * self._window_ms + _MONDAY_MS
        end = start + self._window_ms
        # A file keeps the length of its window; new windows fit in between.
        for window in self._windows:
            if window.start_ms <= time_ms < window.end_ms:
                return window.start_ms, window.end_ms
            if window.end_ms <= time_ms:
                start = max(start, window.end_ms)
            else:
                end = min(end, window.start_ms)
        return start, end

    def at(self, time_ms: int) -> Window:
        """Return the window that a time belongs to; create it if there is none; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        for window in self._windows:
            if window.start_ms <= time_ms < window.end_ms and not window.is_damaged:
                return window
        start, end = self._bounds(time_ms)
        window = Window.create(self._new_path(start), start, end, self._metrics)
        self._set([*self._windows, window])
        return window

    def _new_path(self, start_ms: int) -> Path:
        stem = datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        # A damaged window gets a second file for the same time.
        for number in count(1):
            name = f"{stem}.db" if number == 1 else f"{stem}-{number}.db"
            if not (self._directory / name).exists():
                break
        return self._directory / name

    def overlapping(self, start_ms: int, end_ms: int) -> list[Window]:
        """Return the windows that may have samples in a range, oldest first."""
        return [window for window in self._windows if window.overlaps(start_ms, end_ms)]

    def release_old(self) -> None:
        """Close the reading connections of old windows, to free their memory."""
        for window in self._windows[:-_BUSY_WINDOWS]:
            window.release_readers()

    def remove(self, window: Window) -> None:
        """Delete a window's files; blocks."""
        self._set([other for other in self._windows if other is not window])
        window.close()
        for file in window.files():
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Close every file; blocks."""
        for window in self._windows:
            window.close()
        self._windows = ()
