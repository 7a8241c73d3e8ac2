"""One thread that runs functions in the order of their submission."""

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_Work = Callable[[], object]


class SerialThread:
    """A thread that starts with the first function, and ends at `shutdown`.

    A thread pool makes a future for each function, which takes ten times the CPU of this queue.
    A function that has a result delivers it itself.
    """

    def __init__(self, name: str) -> None:
        self._name: Final = name
        self._lock = threading.Lock()
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        # The thread does not refer to this object, and ends with it.
        weakref.finalize(self, self._queue.put, None)

    def submit(self, work: _Work) -> None:
        """Queue a function; its errors are logged.

        Raises:
            RuntimeError: the thread has been shut down.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError(f"the thread {self._name} has been shut down")
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_run_all, args=(self._queue,), name=self._name, daemon=True
                )
                self._thread.start()
            self._queue.put(work)

    def shutdown(self) -> None:
        """Run what is queued, then end the thread; blocks."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()


def _run_all(queue: "SimpleQueue[_Work | None]") -> None:
    while (work := queue.get()) is not None:
        try:
            work()
        except Exception:
            log.exception("thread_work_failed", thread=threading.current_thread().name)
        # While the thread waits, it must not keep what the function refers to.
        del work
