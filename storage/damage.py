"""What is found damaged while the store serves: counted and told once, not at each read."""

import threading
from collections.abc import Hashable

import structlog

log = structlog.get_logger(__name__)

# What an operator can do; docs/operations.md says more.
FREE_SPACE = "free disk space and see that the data directory is writable; it is tried again"
RESTORE = "see the disk's health; `redshank store verify` lists the damage, a backup has the rest"
LOOK_INTO = "restore the file from a backup, or delete it; the rest is served without it"
RESTART = "make the file readable by the server's user and restart the server"

# A disk that fails all over is told of by the first of them.
_MOST_ITEMS = 10_000


class Damage:
    """The damaged items met so far; any thread."""

    def __init__(self) -> None:
        self._items: set[Hashable] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def note(self, event: str, file: str, error: Exception, **item: Hashable) -> None:
        """Count and log an item, the first time it is met.

        Args:
            event: the line's name.
            file: where it is.
            error: what is wrong with it.
            item: which one it is.
        """
        key = (event, file, *item.values())
        with self._lock:
            if key in self._items or len(self._items) >= _MOST_ITEMS:
                return
            self._items.add(key)
        log.warning(event, file=file, **item, error=str(error), fix=RESTORE)
