"""Appends batches of events: recognition of repeated events, names.

All state belongs to the writer thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import FUTURE_TOLERANCE_MS, AppendResult, NewEvent
from storage.events.commit_queue import Batch, CommitQueue, text_column
from storage.events.database import EventDatabase
from storage.events.hashing import Hasher
from storage.events.seen_ids import SeenIds

if TYPE_CHECKING:
    from concurrent.futures import Future

    from duckdb import DuckDBPyConnection

_READ_BLOCK: Final = 1_000_000
_INSERT: Final = """
insert into events
select project, name, time_ms, person, sequence, received_ms, id, is_future, distinct_id, properties
from batch
"""


@dataclass(slots=True)
class _NewRows:
    """The new events of one commit, as columns."""

    projects: list[int] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    received_ms: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    persons: list[NDArray[np.uint64]] = field(default_factory=list)


_EventBatch = Batch[NewEvent, AppendResult]


class Appender:
    """Stores batches of events."""

    def __init__(self, database: EventDatabase) -> None:
        self._queue: CommitQueue[NewEvent, AppendResult] = CommitQueue(
            database, self._write, self._set_stale
        )
        self._hasher = Hasher(b"")
        self._seen = SeenIds()
        self._names: dict[tuple[int, str], int] = {}
        self._last_name = 0
        self._next_sequence = 0
        # Whether `load` must be called before the next write.
        self._is_stale = False

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read what is needed to append; called each time the file has been opened."""
        self._hasher, self._seen = hasher, SeenIds()
        rows = connection.execute("select project, name, id from names").fetchall()
        self._names = {(project, name): number for project, name, number in rows}
        self._last_name = max(self._names.values(), default=0)
        row = connection.execute("select max(sequence) from events").fetchone()
        self._next_sequence = 0 if row is None or row[0] is None else row[0] + 1
        for start in range(0, self._next_sequence, _READ_BLOCK):
            ids = connection.execute(
                "select id from events where sequence >= ? and sequence < ?",
                [start, start + _READ_BLOCK],
            ).fetchnumpy()["id"]
            self._seen.add(np.asarray(ids, np.uint64))
        self._is_stale = False

    def submit(
        self, project: int, events: Sequence[NewEvent], received_ms: int
    ) -> "Future[AppendResult]":
        """Queue a batch; the future completes after the commit has been synced."""
        return self._queue.submit(Batch(project, events, received_ms))

    def forget_names(self, project: int) -> None:
        """Forget the names of a project that has been deleted; on the writer thread."""
        self._names = {key: number for key, number in self._names.items() if key[0] != project}

    def _set_stale(self) -> None:
        # Names and ids of the failed commit are not in the file.
        self._is_stale = True

    def _write(
        self, connection: "DuckDBPyConnection", batches: Sequence[_EventBatch]
    ) -> list[AppendResult]:
        if self._is_stale:
            self.load(connection, self._hasher)
        rows = _NewRows()
        committed: set[int] = set()
        results = [self._sort_out(connection, batch, committed, rows) for batch in batches]
        if rows.events:
            columns = self._columns(connection, rows)
            connection.register("batch", columns)
            connection.execute(_INSERT)
            connection.unregister("batch")
            self._next_sequence += len(rows.events)
            self._seen.add(np.array(rows.ids, np.uint64))
        return results

    def _sort_out(
        self,
        connection: "DuckDBPyConnection",
        batch: _EventBatch,
        committed: set[int],
        rows: _NewRows,
    ) -> AppendResult:
        """Add the new events of a batch to `rows`.

        Args:
            connection: the connection of the transaction.
            batch: the batch.
            committed: the ids of earlier events of this commit.
            rows: the new events of this commit.
        """
        events = batch.rows
        hashes = self._hasher.event_ids(batch.project, [event.event_id for event in events])
        known = self._known(connection, hashes)
        latest_ms = batch.received_ms + FUTURE_TOLERANCE_MS
        new: list[NewEvent] = []
        duplicates: list[int] = []
        future: list[int] = []
        for position, (event, number) in enumerate(zip(events, hashes.tolist(), strict=True)):
            if number in committed or number in known:
                duplicates.append(position)
                continue
            committed.add(number)
            if event.time_ms > latest_ms:
                future.append(position)
            new.append(event)
            rows.ids.append(number)
        rows.events += new
        rows.projects += [batch.project] * len(new)
        rows.received_ms += [batch.received_ms] * len(new)
        rows.persons.append(
            self._hasher.persons(batch.project, [event.distinct_id for event in new])
        )
        return AppendResult(len(new), tuple(duplicates), tuple(future))

    def _known(
        self, connection: "DuckDBPyConnection", hashes: NDArray[np.uint64]
    ) -> frozenset[int]:
        """Return those of the hashes that are stored."""
        perhaps = hashes[self._seen.perhaps(hashes)]
        if not len(perhaps):
            return frozenset()
        connection.register("candidates", {"id": perhaps})
        rows = connection.execute(
            "select distinct e.id from events e semi join candidates c on e.id = c.id"
        ).fetchall()
        connection.unregister("candidates")
        return frozenset(number for (number,) in rows)

    def _columns(
        self, connection: "DuckDBPyConnection", rows: _NewRows
    ) -> dict[str, NDArray[np.generic]]:
        count = len(rows.events)
        time_ms = np.fromiter((event.time_ms for event in rows.events), np.int64, count)
        received_ms = np.array(rows.received_ms, np.int64)
        return {
            "project": np.array(rows.projects, np.uint32),
            "name": np.array(self._name_numbers(connection, rows), np.uint32),
            "time_ms": time_ms,
            "person": np.concatenate(rows.persons),
            "sequence": np.arange(self._next_sequence, self._next_sequence + count),
            "received_ms": received_ms,
            "id": np.array(rows.ids, np.uint64),
            "is_future": time_ms > received_ms + FUTURE_TOLERANCE_MS,
            "distinct_id": text_column([event.distinct_id for event in rows.events]),
            "properties": text_column([event.properties for event in rows.events]),
        }

    def _name_numbers(self, connection: "DuckDBPyConnection", rows: _NewRows) -> list[int]:
        """Return the number of each event's name; new names are stored."""
        names = self._names
        numbers = []
        for project, event in zip(rows.projects, rows.events, strict=True):
            number = names.get((project, event.name))
            if number is None:
                self._last_name += 1
                number = names[project, event.name] = self._last_name
                connection.execute(
                    "insert into names values (?, ?, ?)", [project, number, event.name]
                )
            numbers.append(number)
        return numbers
