"""Writes that wait for their turn, of which each runs once on whichever thread takes it."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """One write, and its result.

    Attributes:
        work: runs in one transaction.
        may_wait: whether a copy in memory may take it while the disk refuses.
        future: its result, or its error.
        returned: what `work` returned, before its transaction was committed.
        is_adopted: whether the copy keeps it although the disk's commit has not returned.
    """

    def __init__(self, work: Callable[[sqlite3.Connection], T], *, may_wait: bool) -> None:
        self.work, self.may_wait = work, may_wait
        self.future: Future[T] = Future()
        self.returned: T | None = None
        self.is_adopted = False

    def finish(self, result: T) -> None:
        """Set the result, unless there is one."""
        with suppress(InvalidStateError):
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Set the error, unless there is a result."""
        with suppress(InvalidStateError):
            self.future.set_exception(error)


class Jobs:
    """The jobs that no thread has taken yet, in order; any thread."""

    def __init__(self) -> None:
        # A dict is ordered, and popping one key is atomic.
        self._waiting: dict[Job[object], None] = {}

    def add(self, job: Job[T]) -> None:
        """Append a job."""
        self._waiting[job] = None  # type: ignore[index]

    def take(self, job: Job[T]) -> bool:
        """Remove a job; return False if another thread has taken it."""
        return self._waiting.pop(job, self) is None  # type: ignore[arg-type]

    def take_next(self) -> Job[object] | None:
        """Take the first job that may wait for the disk, else the first one; None without any.

        What may wait are alerts, notifications and sessions: on a slow disk they do not queue
        behind other writes.
        """
        waiting = list(self._waiting)
        for job in sorted(waiting, key=lambda job: not job.may_wait):
            if self.take(job):
                return job
        return None

    def take_all(self) -> Iterator[Job[object]]:
        """Take the jobs that wait now, one after the other."""
        for job in list(self._waiting):
            if self.take(job):
                yield job
