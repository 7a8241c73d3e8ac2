"""Group commit: the batches that arrive while the journal is synced share the next sync."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from storage.api.errors import StorageError, StoreClosedError

_GATHERING_S: Final = 0.005
_ENOUGH_ROWS: Final = 500
"""A sync takes the disk milliseconds: parallel senders get a moment to share one, unless so
many rows wait that it would gain nothing."""
_LARGEST_COMMIT: Final = 20_000
"""Rows of one commit; more would delay its answers without being faster per row."""

Rows = TypeVar("Rows", bound=Sized)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Batch(Generic[Rows, Result]):
    """Rows that wait for their commit, on the loop of their sender."""

    project: int
    rows: Rows
    received_ms: int
    done: "asyncio.Future[Result]"


class CommitQueue(Generic[Rows, Result]):
    """Commits waiting batches on one thread.

    Args:
        submit: queues a function for that thread; raises `StoreClosedError`.
        write: makes all batches durable, or none, and returns a result for each.
    """

    def __init__(
        self,
        submit: Callable[[Callable[[], None]], object],
        write: Callable[[Sequence[Batch[Rows, Result]]], Sequence[Result]],
    ) -> None:
        self._submit, self._write = submit, write
        self._lock = threading.Lock()
        self._waiting: list[Batch[Rows, Result]] = []
        # Whether `_commit_waiting` is queued for the thread.
        self._is_queued = False
        # Whether the last commit had several batches, and when it ended; of the thread.
        self._is_shared = False
        self._ended_s = 0.0

    async def append(self, project: int, rows: Rows, received_ms: int) -> Result:
        """Queue rows; return their result after the commit has been synced.

        Cancelling the caller does not undo it.

        Raises:
            StorageError: nothing was stored.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(Batch(project, rows, received_ms, done))
            must_queue = not self._is_queued
            self._is_queued = True
        # Once a commit: queueing every batch takes a tenth of the CPU of a tracked request.
        if must_queue:
            try:
                self._submit(self._commit_waiting)
            except StoreClosedError:
                with self._lock:
                    self._waiting, self._is_queued = [], False
                raise
        # Cancelling the caller cancels this future only: no need for `asyncio.shield`.
        return await done

    def _commit_waiting(self) -> None:
        """Commit the waiting batches; those that arrive meanwhile get their own turn."""
        self._gather()
        more = True
        while more:
            batches, more = self._take()
            self._commit(batches)
            self._is_shared, self._ended_s = len(batches) > 1, time.monotonic()
            if more and self._queued_again():
                return

    def _gather(self) -> None:
        """Wait a moment for batches of other senders, if there are several; one never waits."""
        with self._lock:
            rows = sum(len(batch.rows) for batch in self._waiting)
        pause_s = self._ended_s + _GATHERING_S - time.monotonic()
        if self._is_shared and rows < _ENOUGH_ROWS and pause_s > 0:
            time.sleep(pause_s)

    def _queued_again(self) -> bool:
        """Queue the next commit, so that other work gets a turn; False while closing."""
        try:
            self._submit(self._commit_waiting)
        except StoreClosedError:
            return False
        return True

    def _commit(self, batches: Sequence[Batch[Rows, Result]]) -> None:
        try:
            results = self._write(batches)
        except StorageError as exc:
            _settle(batches, [exc] * len(batches))
            return
        except BaseException as exc:
            _settle(batches, [StorageError(f"the batch was not stored: {exc!r}")] * len(batches))
            raise
        _settle(batches, results)

    def _take(self) -> tuple[list[Batch[Rows, Result]], bool]:
        """Return the batches of one commit, and whether further ones wait."""
        with self._lock:
            count = rows = 0
            for batch in self._waiting:
                if count and rows + len(batch.rows) > _LARGEST_COMMIT:
                    break
                count, rows = count + 1, rows + len(batch.rows)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            self._is_queued = bool(self._waiting)
        return taken, self._is_queued


def _settle(
    batches: Sequence[Batch[Rows, Result]], results: Sequence[Result | StorageError]
) -> None:
    """Wake the senders of a commit: one call into each loop, not one for each batch."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[tuple[Any, Any]]] = defaultdict(list)
    for batch, result in zip(batches, results, strict=True):
        by_loop[batch.done.get_loop()].append((batch.done, result))
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_wake, settled)
        except RuntimeError:
            # The loop has ended, and with it everybody who could wait for the answer.
            continue


def _wake(settled: Sequence[tuple[Any, Any]]) -> None:
    for done, result in settled:
        if done.done():
            continue
        if isinstance(result, StorageError):
            done.set_exception(result)
            # Nobody may be left to read it.
            done.exception()
        else:
            done.set_result(result)
