"""Threads for calls that may never return, such as a lookup by a dead name server."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

T = TypeVar("T")

_IDLE_S: Final = 5.0


class DaemonThreads:
    """A few threads that end when they have nothing to do.

    The process does not wait for them at its end, as it does for those of a
    `ThreadPoolExecutor`: `getaddrinfo` without an answer takes half a minute.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._idle = 0

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Queue a call; at most `most` run at the same time."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except BaseException as exc:  # noqa: BLE001 - the future passes it on
                future.set_exception(exc)
            else:
                future.set_result(result)

        with self._lock:
            self._work.put(run)
            if self._work.qsize() > self._idle and self._threads < self._most:
                self._start()
        return future

    def _start(self) -> None:
        self._threads += 1
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError:
            # No thread can be started; those that run take the work, if there are any.
            self._threads -= 1
            if not self._threads:
                raise

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                run = self._work.get(timeout=_IDLE_S)
            except queue.Empty:
                run = None
            with self._lock:
                self._idle -= 1
                if run is None:
                    if self._work.empty():
                        self._threads -= 1
                        return
                    continue
            run()
