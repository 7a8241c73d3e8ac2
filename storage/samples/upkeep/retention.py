"""Retention: deletes whole windows, the oldest first and never the newest."""

import structlog

from storage.samples.windows.window import Window
from storage.samples.windows.window_set import WindowSet

log = structlog.get_logger(__name__)


def expired(windows: WindowSet, now_ms: int, age_ms: int, most_bytes: int) -> list[Window]:
    """Return the windows to delete: those too old, and the oldest while all are too large.

    `most_bytes` 0 means no limit.
    """
    kept = list(windows)
    gone = [window for window in kept[:-1] if window.end_ms <= now_ms - age_ms]
    kept = kept[len(gone) :]
    if most_bytes:
        total = sum(window.size_bytes for window in kept)
        while len(kept) > 1 and total > most_bytes:
            total -= kept[0].size_bytes
            gone.append(kept.pop(0))
    return gone


def retain(windows: WindowSet, now_ms: int, age_ms: int, most_bytes: int) -> int:
    """Delete the expired windows and return their number; blocks."""
    gone = expired(windows, now_ms, age_ms, most_bytes)
    for window in gone:
        size_bytes = window.size_bytes
        try:
            windows.remove(window)
        except OSError as exc:
            log.warning("window_not_deleted", file=window.path.name, error=str(exc))
        else:
            log.info("window_deleted", file=window.path.name, size_bytes=size_bytes)
    return len(gone)
