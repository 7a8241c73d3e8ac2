"""Writes that wait for their turn, of which each runs once on whichever thread takes it."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Generic, TypeVar

from model.process.worker_threads import clear_frames
from storage.api.errors import UnwritableError

T = TypeVar("T")


class OvertakenError(Exception):
    """A slow write was not repeated in the copy in memory: other writes have gone on there."""


class SlowWriteError(UnwritableError):
    """A write has not returned; the disk may be slow only."""


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

    def settle(self, run: Callable[[], T]) -> None:
        """Set what `run` returns, or the error that it raises."""
        try:
            self.finish(run())
        except BaseException as exc:  # noqa: BLE001 - the caller gets it.
            clear_frames(exc)
            self.fail(exc)
        finally:
            # This frame is in the traceback too, and cannot be cleared while it runs.
            del self, run


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

    @property
    def any_may_wait(self) -> bool:
        """Whether a waiting job may wait for the disk."""
        return any(job.may_wait for job in list(self._waiting))

    def take_all(self, *, may_wait: bool = False) -> Iterator[Job[object]]:
        """Take the jobs that wait now, or those of them that may wait for the disk."""
        for job in list(self._waiting):
            if (job.may_wait or not may_wait) and self.take(job):
                yield job
