"""Lets readers of a file pass side by side, and its replacement alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FileGate:
    """Readers share the file; whoever replaces it waits for them and keeps new ones out."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._readers = 0
        self._is_replacing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Wait until nobody replaces the file, and hold it until the block ends."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_replacing)
            self._readers += 1
        try:
            yield
        finally:
            with self._condition:
                self._readers -= 1
                self._condition.notify_all()

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Wait until nobody reads, and keep readers out until the block ends."""
        with self._condition:
            self._is_replacing = True
            self._condition.wait_for(lambda: not self._readers)
        try:
            yield
        finally:
            with self._condition:
                self._is_replacing = False
                self._condition.notify_all()
