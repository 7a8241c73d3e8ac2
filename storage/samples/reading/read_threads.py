"""Threads that share the decoding of a read."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

from model.process.worker_threads import WorkerThreads

T = TypeVar("T")

# Sharing costs 50 us; it gains more than that from this many samples on.
_WORTH_SHARING = 1 << 17


class ReadThreads:
    """A few threads for all reads; while they are busy, a read uses its own thread only."""

    def __init__(self, most: int) -> None:
        """Start `most` threads for a read, the reader's own included."""
        self._helpers = most - 1
        self._pool = WorkerThreads(most - 1, "samples-read") if most > 1 else None

    def each(self, work: Callable[[T], None], items: Iterable[T], samples: int) -> None:
        """Call `work` with every item and return when all calls are done.

        Args:
            work: must not write anything that another item's call uses.
            items: the arguments of the calls.
            samples: how many samples all calls decode.
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
            # A helper that has not started by now finds no item left.
            for helper in helpers:
                if not helper.cancel():
                    helper.result()

    def close(self) -> None:
        """Stop the threads; blocks."""
        if self._pool is not None:
            self._pool.shutdown()
