"""Group commit: the batches that arrive during a commit share the next one."""

import threading
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.api.errors import StorageError
from storage.events.database import EventDatabase

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LARGEST_COMMIT: Final = 20_000
"""Rows of one commit; more would delay its answers without being faster per row."""

Rows = TypeVar("Rows", bound=Sized)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Batch(Generic[Rows, Result]):
    """Rows that wait for their commit."""

    project: int
    rows: Rows
    received_ms: int
    done: "Future[Result]" = field(default_factory=Future)


class CommitQueue(Generic[Rows, Result]):
    """Commits waiting batches on the writer thread.

    Args:
        database: the database.
        write: writes batches in one transaction and returns a result for each.
        failed: called on the writer thread after a transaction that was undone.
    """

    def __init__(
        self,
        database: EventDatabase,
        write: "Callable[[DuckDBPyConnection, Sequence[Batch[Rows, Result]]], Sequence[Result]]",
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._write, self._failed = database, write, failed
        self._lock = threading.Lock()
        self._waiting: list[Batch[Rows, Result]] = []

    def submit(self, batch: Batch[Rows, Result]) -> "Future[Result]":
        """Queue a batch; the future completes after the commit has been synced."""
        with self._lock:
            self._waiting.append(batch)
        self._database.on_writer(self._commit_waiting)
        return batch.done

    def _commit_waiting(self) -> None:
        """Commit the waiting batches; an earlier call may have committed them all."""
        batches = self._take()
        if not batches:
            return
        try:
            results = self._database.transaction(
                lambda connection: self._write(connection, batches)
            )
        except StorageError as exc:
            self._failed()
            for batch in batches:
                batch.done.set_exception(exc)
            return
        for batch, result in zip(batches, results, strict=True):
            batch.done.set_result(result)

    def _take(self) -> list[Batch[Rows, Result]]:
        with self._lock:
            count = rows = 0
            for batch in self._waiting:
                if count and rows + len(batch.rows) > _LARGEST_COMMIT:
                    break
                count, rows = count + 1, rows + len(batch.rows)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def text_column(texts: Sequence[str]) -> NDArray[np.object_]:
    """Return texts as an array of objects: numpy's own strings end at a NUL."""
    array = np.empty(len(texts), np.object_)
    array[:] = texts
    return array
