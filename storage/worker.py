"""Background work: a thread that runs one job now and then, or when woken."""

import threading
from collections.abc import Callable

import structlog

from storage.api.errors import StorageError

log = structlog.get_logger(__name__)


class Worker:
    """Calls `work` every `interval_s` and at each `wake`, never twice at once.

    What `work` raises is logged, and the thread lives on.
    """

    def __init__(self, name: str, interval_s: float, work: Callable[[], None]) -> None:
        self._name, self._interval_s, self._work = name, interval_s, work
        self._wakened = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Run the job soon; callable from any thread, the event loop's too."""
        self._wakened.set()

    def stop(self) -> None:
        """Let a running job end and end the thread; blocks."""
        self._stopping.set()
        self._wakened.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wakened.wait(self._interval_s)
            self._wakened.clear()
            if self._stopping.is_set():
                return
            try:
                self._work()
            except StorageError as exc:
                log.warning("background_work_failed", worker=self._name, error=str(exc))
            except Exception:
                # A defect that shows in one round must not end all rounds.
                log.exception("background_work_crashed", worker=self._name)
