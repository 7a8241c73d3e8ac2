"""Damaged items found while the server runs: counted, and each logged once."""

import threading
from collections.abc import Hashable

import structlog

log = structlog.get_logger(__name__)

# Advice for log lines; docs/operations.md has the details.
FREE_SPACE = "free disk space and check that the data directory is writable; the server tries again"
RESTORE = "check the disk; `redshank store verify` lists the damage; restore a backup"
REPLACE_FILE = "restore the file from a backup, or delete it; the server goes on without it"
RESTART = "make the file readable by the server's user and restart the server"

# A failing disk may damage millions of items; the first ones suffice.
_MAX_ITEMS = 10_000


class Damage:
    """Counts and logs damaged items; may be used from any thread."""

    def __init__(self) -> None:
        self._items: set[Hashable] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def note(self, event: str, file: str, error: Exception, **item: Hashable) -> None:
        """Count and log an item, unless it is known already.

        Args:
            event: the log event.
            file: the name of the file.
            error: the error with which reading failed.
            item: identifies the item in its file; logged as well.
        """
        key = (event, file, *item.values())
        with self._lock:
            if key in self._items or len(self._items) >= _MAX_ITEMS:
                return
            self._items.add(key)
        log.warning(event, file=file, **item, error=str(error), fix=RESTORE)
