"""A background thread that runs one job at an interval, or sooner when woken."""

import threading
from collections.abc import Callable

import structlog

from storage.api.errors import StorageError

log = structlog.get_logger(__name__)


class Worker:
    """Calls `work` every `interval_s`, and soon after each `wake`.

    Exceptions of `work` are logged and do not end the thread.
    """

    def __init__(self, name: str, interval_s: float, work: Callable[[], None]) -> None:
        self._name, self._interval_s, self._work = name, interval_s, work
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Run the job soon; may be called from any thread."""
        self._woken.set()

    def stop(self) -> None:
        """Wait for a running job and end the thread; blocks."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait(self._interval_s)
            self._woken.clear()
            if self._stopping.is_set():
                return
            try:
                self._work()
            except StorageError as exc:
                log.warning("background_work_failed", worker=self._name, error=str(exc))
            except Exception:
                # A bug in one run must not end all later runs.
                log.exception("background_work_crashed", worker=self._name)
