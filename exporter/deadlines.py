"""Runs blocking calls under a deadline, on threads, so that a call that hangs blocks nobody.

The calls of one caller run in order on one worker thread. When a call takes longer than
`patience_s`, a second worker takes over the remaining ones, so a slow call delays the
others by `patience_s` at most. A call that misses its deadline keeps its thread, because
Python cannot stop a thread (and nobody can stop one inside statvfs(2) on a dead NFS
server). It is not started again before it has returned, so one name holds one thread at
most.

One worker waits for the next caller: to wake it costs a quarter of starting a thread.
Threads are daemons: a thread that hangs does not keep the process from exiting.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.errors import DeadlineError

T = TypeVar("T")


@dataclass(frozen=True)
class CallResult(Generic[T]):
    """How one call ended.

    Attributes:
        value: the return value, None if the call did not return.
        error: the exception that it raised, without its traceback, or a DeadlineError; None
            if it returned.
        duration_s: how long it took, or how long it has been running.
    """

    value: T | None
    error: Exception | None
    duration_s: float


class _Call(Generic[T]):
    """One execution of a function. Callers that request the same name meanwhile share it."""

    __slots__ = ("ended", "function", "key", "result", "started_s")

    def __init__(self, key: str, function: Callable[[], T], now_s: float) -> None:
        self.key, self.function = key, function
        self.started_s = now_s  # The time of the request until the function starts.
        # Made where a second caller waits for the call: an event costs more than most calls.
        self.ended: threading.Event | None = None
        self.result: CallResult[T] | None = None


class _CallQueue(Generic[T]):
    """The calls that one caller started: those still waiting, and how many have not ended.

    Attributes:
        busy: a lock that is held until all calls have ended.
    """

    __slots__ = ("busy", "left", "waiting")

    def __init__(self, calls: list[_Call[T]]) -> None:
        self.waiting = deque(calls)
        self.left = len(calls)
        self.busy = threading.Lock()
        self.busy.acquire()


class _Worker(Generic[T]):
    """A thread that executes the calls of one queue after the other.

    While it waits, it refers to no executor, so that an executor that nobody uses any more
    goes, and ends its worker.
    """

    __slots__ = ("_next", "_wake")

    def __init__(self) -> None:
        self._next: tuple[DeadlineExecutor[T], _CallQueue[T]] | None = None
        self._wake = threading.Lock()
        self._wake.acquire()

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: the host, or TasksMax= of our unit, allows no more threads.
        """
        threading.Thread(target=self._run, name="collect", daemon=True).start()

    def give(self, executor: DeadlineExecutor[T], queue: _CallQueue[T]) -> None:
        """Execute the calls of a queue."""
        self._next = executor, queue
        self._wake.release()

    def end(self) -> None:
        """End the thread, which waits."""
        self._wake.release()

    def _run(self) -> None:
        while True:
            self._wake.acquire()
            if self._next is None or not self._work(*self._next):
                return

    def _work(self, executor: DeadlineExecutor[T], queue: _CallQueue[T]) -> bool:
        """Return whether the executor has further use for the worker."""
        self._next = None
        executor.execute(queue)
        return executor.keep(self)


class DeadlineExecutor(Generic[T]):
    """Runs named functions under a deadline; thread-safe.

    Two callers that request the same name at the same time share one call.
    """

    def __init__(self, deadline_s: float, patience_s: float = 0.05) -> None:
        self.deadline_s = deadline_s
        self._patience_s = min(patience_s, deadline_s)
        self._calls: dict[str, _Call[T]] = {}
        self._lock = threading.Lock()
        self._idle: _Worker[T] | None = None

    def __del__(self) -> None:
        """End the worker that waits."""
        if self._idle is not None:
            self._idle.end()

    def run(
        self, functions: Mapping[str, Callable[[], T]], wait_s: float = math.inf
    ) -> dict[str, CallResult[T]]:
        """Call every function and return the results by name, in the order of `functions`.

        Returns after about the deadline, however many functions hang.

        Args:
            functions: the functions to call, by name.
            wait_s: how long this caller waits, if shorter than the deadline. Calls that
                still run then have a DeadlineError as their result.
        """
        calls: list[_Call[T]] = []
        own: list[_Call[T]] = []
        now_s = time.monotonic()
        until_s = now_s + wait_s
        with self._lock:
            for key, function in functions.items():
                call = self._calls.get(key)
                if call is None:
                    call = self._calls[key] = _Call(key, function, now_s)
                    own.append(call)
                elif call.ended is None:
                    call.ended = threading.Event()
                calls.append(call)
        if own:
            self._await(_CallQueue(own), own, until_s)
        return {call.key: call.result or self._late_result(call, until_s) for call in calls}

    def stuck(self) -> list[str]:
        """Return the names of calls that missed their deadline and still run."""
        limit_s = time.monotonic() - self.deadline_s
        with self._lock:
            return [key for key, call in self._calls.items() if call.started_s < limit_s]

    def execute(self, queue: _CallQueue[T]) -> None:
        """Execute the calls of a queue, on a worker's thread."""
        monotonic = time.monotonic
        while call := _next(queue):
            value, error = None, None
            call.started_s = started_s = monotonic()
            try:
                value = call.function()
            except Exception as exc:  # noqa: BLE001 - returned to the caller, which logs it.
                # A traceback refers to this frame, hence to the results: a cycle that only
                # the garbage collector would free.
                error = exc.with_traceback(None)
                error.__context__ = error.__cause__ = None
            self._end(queue, call, CallResult(value, error, monotonic() - started_s))

    def keep(self, worker: _Worker[T]) -> bool:
        """Return whether a worker without a call is to wait for the next caller."""
        with self._lock:
            if self._idle is not None:
                return False
            self._idle = worker
            return True

    def _await(self, queue: _CallQueue[T], calls: list[_Call[T]], until_s: float) -> None:
        """Return once each call has ended or missed its deadline, at `until_s` at the latest."""
        self._add_worker(queue)
        left = queue.left
        while not queue.busy.acquire(timeout=self._patience_s):
            if queue.left == left and queue.waiting:
                self._add_worker(queue)
            elif time.monotonic() >= until_s or all(map(self._is_over, calls)):
                return
            left = queue.left

    def _add_worker(self, queue: _CallQueue[T]) -> None:
        with self._lock:
            worker, self._idle = self._idle, None
        if worker is None:
            worker = _Worker()
            try:
                worker.start()
            except RuntimeError as exc:
                while call := _next(queue):
                    self._end(queue, call, CallResult(None, exc, 0.0))
                return
        worker.give(self, queue)

    def _end(self, queue: _CallQueue[T], call: _Call[T], result: CallResult[T]) -> None:
        with self._lock:
            call.result = result
            del self._calls[call.key]
            queue.left -= 1
            is_last = queue.left == 0
        if call.ended is not None:
            call.ended.set()
        if is_last:
            queue.busy.release()

    def _is_over(self, call: _Call[T]) -> bool:
        return call.result is not None or time.monotonic() - call.started_s >= self.deadline_s

    def _late_result(self, call: _Call[T], until_s: float) -> CallResult[T]:
        """Return the result of a call that runs for another caller, or missed its deadline."""
        if call.ended is not None:
            latest_s = min(call.started_s + self.deadline_s, until_s)
            call.ended.wait(max(0.0, latest_s - time.monotonic()))
        if call.result is not None:
            return call.result
        running_s = time.monotonic() - call.started_s
        return CallResult(None, DeadlineError(call.key, running_s), running_s)


def _next(queue: _CallQueue[T]) -> _Call[T] | None:
    try:
        return queue.waiting.popleft()
    except IndexError:
        return None
