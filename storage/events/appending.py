"""Appends batches of events: recognition of repeated events, names.

All state belongs to the writer thread.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, compress
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import FUTURE_TOLERANCE_MS, AppendResult
from storage.api.new_events import NewEvents
from storage.events.commit_queue import Batch, CommitQueue, text_column
from storage.events.database import EventDatabase
from storage.events.hashing import Hasher
from storage.events.seen_ids import SeenIds
from storage.events.visits.exclusions import ExclusionCounts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READ_BLOCK: Final = 1_000_000
_INSERT: Final = """
insert into events
select project, name, time_ms, person, sequence, received_ms, id, is_future, distinct_id, properties
from batch
"""


_EventBatch = Batch[NewEvents, AppendResult]


class Appender:
    """Stores batches of events, and beside them the counts of excluded ones."""

    def __init__(self, database: EventDatabase, exclusions: ExclusionCounts) -> None:
        self._exclusions = exclusions
        self._queue: CommitQueue[NewEvents, AppendResult] = CommitQueue(
            database, self._write, self._set_stale
        )
        self._hasher = Hasher(b"")
        self._seen = SeenIds()
        # project -> name -> its number
        self._names: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._last_name = 0
        self._next_sequence = 0
        # Whether `load` must be called before the next write.
        self._is_stale = False

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read what is needed to append; called each time the file has been opened."""
        self._hasher, self._seen = hasher, SeenIds()
        rows = connection.execute("select project, name, id from names").fetchall()
        self._names = defaultdict(dict)
        for project, name, number in rows:
            self._names[project][name] = number
        self._last_name = max((number for _, _, number in rows), default=0)
        row = connection.execute("select max(sequence) from events").fetchone()
        self._next_sequence = 0 if row is None or row[0] is None else row[0] + 1
        for start in range(0, self._next_sequence, _READ_BLOCK):
            ids = connection.execute(
                "select id from events where sequence >= ? and sequence < ?",
                [start, start + _READ_BLOCK],
            ).fetchnumpy()["id"]
            self._seen.add(np.asarray(ids, np.uint64))
        self._is_stale = False

    async def append(self, project: int, events: NewEvents, received_ms: int) -> AppendResult:
        """Store a batch; see `EventAppender.append`."""
        return await self._queue.append(project, events, received_ms)

    def forget_names(self, project: int) -> None:
        """Forget the names of a project that has been deleted; on the writer thread."""
        self._names.pop(project, None)

    def forget_unused_names(self, connection: "DuckDBPyConnection", project: int) -> None:
        """Delete the names without an event; on the writer thread, in its transaction."""
        connection.execute(
            "delete from names where project = ? and id not in"
            " (select distinct name from events where project = ?)",
            [project, project],
        )
        # Also if the transaction is undone, the file says which names there are.
        self._is_stale = True

    def _set_stale(self) -> None:
        # Names and ids of the failed commit are not in the file.
        self._is_stale = True
        self._exclusions.restore()

    def _write(
        self, connection: "DuckDBPyConnection", batches: Sequence[_EventBatch]
    ) -> list[AppendResult]:
        if self._is_stale:
            self.load(connection, self._hasher)
        ids = np.concatenate(
            [
                self._hasher.exported_ids(batch.project, batch.rows.event_ids)
                if batch.rows.are_exported
                else self._hasher.event_ids(batch.project, batch.rows.event_ids)
                for batch in batches
            ]
        )
        is_new = self._new(connection, ids)
        counts = [len(batch.rows) for batch in batches]
        received_ms = np.repeat([batch.received_ms for batch in batches], counts)
        times_ms = np.concatenate([batch.rows.times_ms for batch in batches])
        is_future = times_ms > received_ms + FUTURE_TOLERANCE_MS
        if is_new.any():
            columns = {
                "project": np.repeat([batch.project for batch in batches], counts),
                "time_ms": times_ms,
                "received_ms": received_ms,
                "id": ids,
                "is_future": is_future,
            }
            columns |= self._texts(connection, batches, is_new)
            if not is_new.all():
                columns = {name: column[is_new] for name, column in columns.items()}
            added = len(columns["id"])
            columns["sequence"] = np.arange(self._next_sequence, self._next_sequence + added)
            connection.register("batch", columns)
            connection.execute(_INSERT)
            connection.unregister("batch")
            self._next_sequence += added
            self._seen.add(ids[is_new])
        self._exclusions.write(connection)
        return _results(counts, is_new, is_future)

    def _new(self, connection: "DuckDBPyConnection", ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each id whether its event is neither stored nor earlier in this commit."""
        is_new = np.zeros(len(ids), np.bool_)
        is_new[np.unique(ids, return_index=True)[1]] = True
        known = self._known(connection, ids)
        if known:
            is_new &= ~np.isin(ids, np.fromiter(known, np.uint64, len(known)))
        return is_new

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

    def _texts(
        self,
        connection: "DuckDBPyConnection",
        batches: Sequence[_EventBatch],
        is_new: NDArray[np.bool_],
    ) -> dict[str, NDArray[np.generic]]:
        """Return the columns that are made of texts; new names are stored."""
        names, persons = [], []
        start = 0
        for batch in batches:
            end = start + len(batch.rows)
            names.append(self._name_numbers(connection, batch, is_new[start:end]))
            persons.append(self._hasher.persons(batch.project, batch.rows.distinct_ids))
            start = end
        return {
            "name": np.concatenate(names),
            "person": np.concatenate(persons),
            "distinct_id": text_column(_all(batch.rows.distinct_ids for batch in batches)),
            "properties": text_column(_all(batch.rows.properties for batch in batches)),
        }

    def _name_numbers(
        self, connection: "DuckDBPyConnection", batch: _EventBatch, is_new: NDArray[np.bool_]
    ) -> NDArray[np.uint32]:
        """Return the number of each event's name, 0 for a repeated event with an unknown one."""
        numbers = self._names[batch.project]
        for name in dict.fromkeys(compress(batch.rows.names, is_new.tolist())):
            if name not in numbers:
                self._last_name += 1
                numbers[name] = self._last_name
                connection.execute(
                    "insert into names values (?, ?, ?)", [batch.project, self._last_name, name]
                )
        return np.array([numbers.get(name, 0) for name in batch.rows.names], np.uint32)


def _all(texts: Iterable[Sequence[str]]) -> list[str]:
    return list(chain.from_iterable(texts))


def _results(
    counts: Sequence[int], is_new: NDArray[np.bool_], is_future: NDArray[np.bool_]
) -> list[AppendResult]:
    """Return the result of each batch."""
    results = []
    start = 0
    for count in counts:
        new, future = is_new[start : start + count], is_future[start : start + count]
        repeated = np.flatnonzero(~new).tolist()
        ahead = np.flatnonzero(new & future).tolist()
        results.append(AppendResult(count - len(repeated), tuple(repeated), tuple(ahead)))
        start += count
    return results
