"""Appends batches of events to the journal, without those that are stored already.

All state belongs to the journal's thread.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import FUTURE_TOLERANCE_MS, AppendResult
from storage.api.new_events import NewEvents
from storage.events.appending.commit_queue import Batch, CommitQueue
from storage.events.appending.folding import Folding
from storage.events.appending.seen_ids import SeenIds
from storage.events.database import EventDatabase
from storage.events.hashing import Hasher
from storage.events.journal import EventJournal, EventRows
from storage.events.sql import Sql, column_arrays

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READ_BLOCK: Final = 1_000_000
_FEW: Final = 200
"""Ids among which a set finds repeated ones faster than `np.unique`: for 100 in 2.5 us, not 4."""

_EventBatch = Batch[NewEvents, AppendResult]


class Appender:
    """Stores batches of events."""

    def __init__(self, database: EventDatabase, journal: EventJournal, folding: Folding) -> None:
        self._database, self._journal, self._folding = database, journal, folding
        self._queue: CommitQueue[NewEvents, AppendResult] = CommitQueue(
            database.on_journal, self._write
        )
        self._hasher = Hasher(b"")
        self._seen = SeenIds()
        self._is_loaded = False

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read the ids of all events; called each time the file has been opened.

        Only once: ids that are known need not be in the tables.
        """
        if self._is_loaded:
            return
        self._hasher = hasher
        rows = connection.execute("select coalesce(max(sequence), -1) from events").fetchall()
        count = int(rows[0][0]) + 1
        for start in range(0, count, _READ_BLOCK):
            block = Sql(
                "select id from events where sequence >= ? and sequence < ?",
                (start, start + _READ_BLOCK),
            )
            self._seen.add(column_arrays(connection, block)["id"])
        for ids in self._pending_ids():
            self._seen.add(ids)
        self._is_loaded = True

    async def append(self, project: int, events: NewEvents, received_ms: int) -> AppendResult:
        """Store a batch; see `EventAppender.append`."""
        result = await self._queue.append(project, events, received_ms)
        self._folding.remind()
        return result

    def _write(self, batches: Sequence[_EventBatch]) -> list[AppendResult]:
        self._database.open()
        self._folding.make_room()
        ids = self._all_ids(batches)
        is_new = self._new(ids)
        results, rows = [], []
        start = 0
        for batch in batches:
            end = start + len(batch.rows)
            own, new = _rows(batch, ids[start:end]), is_new[start:end]
            result = _result(own, new)
            results.append(result)
            if result.stored:
                rows.append(own.only(new) if result.duplicates else own)
            start = end
        self._journal.append(rows)
        return results

    def _all_ids(self, batches: Sequence[_EventBatch]) -> NDArray[np.uint64]:
        if len(batches) == 1:
            return self._ids(batches[0])
        return np.concatenate([self._ids(batch) for batch in batches])

    def _ids(self, batch: _EventBatch) -> NDArray[np.uint64]:
        if batch.rows.are_exported:
            return self._hasher.exported_ids(batch.project, batch.rows.event_ids)
        return self._hasher.event_ids(batch.project, batch.rows.event_ids)

    def _new(self, ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Return for each id whether its event is neither stored nor earlier in this commit."""
        if len(ids) <= _FEW and len(set(ids.tolist())) == len(ids):
            is_new = np.ones(len(ids), np.bool_)
        else:
            is_new = np.zeros(len(ids), np.bool_)
            is_new[np.unique(ids, return_index=True)[1]] = True
        known = self._known(ids)
        if len(known):
            is_new &= ~np.isin(ids, known)
        return is_new

    def _known(self, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return those of the hashes that are stored; from now on all count as seen.

        If the journal cannot be written, a seen hash costs a lookup in the table, no more.
        """
        perhaps = hashes[self._seen.take(hashes)]
        if not len(perhaps):
            return perhaps
        # The journal first: a batch leaves it after it has been committed to the table.
        known = [perhaps[np.isin(perhaps, ids)] for ids in self._pending_ids()]
        known.append(self._database.read_now(lambda connection: _stored(connection, perhaps)))
        return np.concatenate(known)

    def _pending_ids(self) -> list[NDArray[np.uint64]]:
        ids = [rows.ids for _, rows in self._journal.batches() if isinstance(rows, EventRows)]
        return [np.concatenate(ids)] if ids else []


def _result(own: EventRows, new: NDArray[np.bool_]) -> AppendResult:
    """Return which events of a batch were stored before, and whose times lie too far ahead.

    Usually there are none of either, which the first test finds at once.
    """
    latest_ms = own.received_ms + FUTURE_TOLERANCE_MS
    is_ahead = own.times_ms > latest_ms
    if new.all() and not is_ahead.any():
        return AppendResult(len(own))
    repeated = np.flatnonzero(~new).tolist()
    ahead = np.flatnonzero(new & is_ahead).tolist()
    return AppendResult(len(own) - len(repeated), tuple(repeated), tuple(ahead))


def _stored(connection: "DuckDBPyConnection", candidates: NDArray[np.uint64]) -> NDArray[np.uint64]:
    connection.register("candidates", {"id": candidates})
    try:
        found = connection.execute(
            "select distinct e.id from events e semi join candidates c on e.id = c.id"
        ).fetchnumpy()
    finally:
        connection.unregister("candidates")
    return np.asarray(found["id"], np.uint64)


def _rows(batch: _EventBatch, ids: NDArray[np.uint64]) -> EventRows:
    events = batch.rows
    return EventRows(
        batch.project,
        batch.received_ms,
        ids,
        np.asarray(events.times_ms, np.int64),
        events.names,
        events.distinct_ids,
        events.properties,
    )
