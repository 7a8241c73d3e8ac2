"""Threads that help a read: what it decodes is shared out to those that have time."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Samples from which on sharing gains more than the 50 us that it costs.
_WORTH_SHARING = 1 << 17


class ReadThreads:
    """A few threads for all reads; a read goes on alone where they are busy.

    Args:
        most: how many threads work on a read, the reader's own included.
    """

    def __init__(self, most: int) -> None:
        self._helpers = most - 1
        self._pool = ThreadPoolExecutor(most - 1, "samples-read") if most > 1 else None

    def each(self, work: Callable[[T], None], items: Iterable[T], samples: int) -> None:
        """Call `work` with every item; returns when all are done.

        Args:
            work: touches nothing that it shares with another item.
            items: what there is to do.
            samples: how many samples that comes to.
        """
        if samples < _WORTH_SHARING or self._pool is None:
            for item in items:
                work(item)
            return
        waiting = deque(items)

        def drain() -> None:
            while True:
                try:
                    item = waiting.popleft()
                except IndexError:
                    return
                work(item)

        helpers = [self._pool.submit(drain) for _ in range(self._helpers)]
        try:
            drain()
        finally:
            waiting.clear()
            # One that has not begun by now has nothing left to do.
            for helper in helpers:
                if not helper.cancel():
                    helper.result()

    def close(self) -> None:
        """End the threads; blocks."""
        if self._pool is not None:
            self._pool.shutdown()
