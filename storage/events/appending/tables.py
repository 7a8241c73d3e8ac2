"""Writes the journal's batches into the tables.

All state belongs to the writer thread.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import FUTURE_TOLERANCE_MS
from storage.api.requests import NewRequest
from storage.events.columns import text_column
from storage.events.hashing import Hasher
from storage.events.journal import EventRows, JournalRows, RequestRows
from storage.events.persons.property_rows import PropertyRows
from storage.events.schema import folded_number, set_folded_number

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INSERT_EVENTS: Final = """
insert into events
select project, name, time_ms, person, sequence, received_ms, id, is_future, distinct_id, properties
from batch
"""
_INSERT_REQUESTS: Final = """
insert into requests
select project, time_ms, sequence, method, route, path, status, duration_us,
    nullif(request_bytes, -1), nullif(response_bytes, -1), consumer, client, version
from batch
"""


class TableWriter:
    """Writes events, requests and properties of persons; numbers names and arrivals."""

    def __init__(self) -> None:
        self._hasher = Hasher(b"")
        self._properties = PropertyRows()
        # project -> name -> its number
        self._names: defaultdict[int, dict[str, int]] = defaultdict(dict)
        self._last_name = 0
        self._next_event = self._next_request = 0
        # Whether `load` must be called before the next write.
        self._is_stale = False

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read what is needed to write; called each time the file has been opened."""
        self._hasher = hasher
        self._properties.load(connection)
        rows = connection.execute("select project, name, id from names").fetchall()
        self._names = defaultdict(dict)
        for project, name, number in rows:
            self._names[project][name] = number
        self._last_name = max((number for _, _, number in rows), default=0)
        self._next_event = _next_sequence(connection, "events")
        self._next_request = _next_sequence(connection, "requests")
        self._is_stale = False

    def set_stale(self) -> None:
        """Read everything again before the next write: a transaction has been undone."""
        self._is_stale = True

    def forget_names(self, project: int) -> None:
        """Forget the names of a project that has been deleted."""
        self._names.pop(project, None)

    def forget_unused_names(self, connection: "DuckDBPyConnection", project: int) -> None:
        """Delete the names without an event, in the caller's transaction."""
        connection.execute(
            "delete from names where project = ? and id not in"
            " (select distinct name from events where project = ?)",
            [project, project],
        )
        # Also if the transaction is undone, the file says which names there are.
        self._is_stale = True

    def write(
        self, connection: "DuckDBPyConnection", batches: Sequence[tuple[int, JournalRows]]
    ) -> None:
        """Write numbered batches that are not in the tables, in the caller's transaction."""
        if self._is_stale:
            self.load(connection, self._hasher)
        # A commit may have reached the disk although it has reported an error.
        folded = folded_number(connection)
        rows = [each for number, each in batches if number > folded]
        if not rows:
            return
        self._write_events(connection, [each for each in rows if isinstance(each, EventRows)])
        self._write_requests(connection, [each for each in rows if isinstance(each, RequestRows)])
        set_folded_number(connection, batches[-1][0])

    def _write_events(self, connection: "DuckDBPyConnection", batches: Sequence[EventRows]) -> None:
        if not batches:
            return
        counts = [len(batch) for batch in batches]
        received_ms = np.repeat(np.array([batch.received_ms for batch in batches]), counts)
        times_ms = np.concatenate([batch.times_ms for batch in batches])
        columns: dict[str, NDArray[np.generic]] = {
            "project": np.repeat(np.array([batch.project for batch in batches]), counts),
            "name": np.concatenate([self._name_numbers(connection, batch) for batch in batches]),
            "time_ms": times_ms,
            "person": np.concatenate(
                [self._hasher.persons(batch.project, batch.distinct_ids) for batch in batches]
            ),
            "sequence": np.arange(self._next_event, self._next_event + len(times_ms)),
            "received_ms": received_ms,
            "id": np.concatenate([batch.ids for batch in batches]),
            "is_future": times_ms > received_ms + FUTURE_TOLERANCE_MS,
            "distinct_id": text_column(_all(batch.distinct_ids for batch in batches)),
            "properties": text_column(_all(batch.properties for batch in batches)),
        }
        _insert(connection, _INSERT_EVENTS, columns)
        self._properties.write(connection, columns)
        self._next_event += len(times_ms)

    def _name_numbers(
        self, connection: "DuckDBPyConnection", batch: EventRows
    ) -> NDArray[np.uint32]:
        """Return the number of each event's name; new names are stored."""
        numbers = self._names[batch.project]
        for name in dict.fromkeys(batch.names):
            if name not in numbers:
                self._last_name += 1
                numbers[name] = self._last_name
                connection.execute(
                    "insert into names values (?, ?, ?)", [batch.project, self._last_name, name]
                )
        return np.array([numbers[name] for name in batch.names], np.uint32)

    def _write_requests(
        self, connection: "DuckDBPyConnection", batches: Sequence[RequestRows]
    ) -> None:
        rows = [(batch.project, request) for batch in batches for request in batch.requests]
        if not rows:
            return
        _insert(connection, _INSERT_REQUESTS, _request_columns(rows, self._next_request))
        self._next_request += len(rows)


def _next_sequence(connection: "DuckDBPyConnection", table: str) -> int:
    rows = connection.execute(f"select coalesce(max(sequence), -1) from {table}").fetchall()
    return int(rows[0][0]) + 1


def _insert(
    connection: "DuckDBPyConnection", statement: str, columns: dict[str, NDArray[np.generic]]
) -> None:
    connection.register("batch", columns)
    try:
        connection.execute(statement)
    finally:
        connection.unregister("batch")


def _request_columns(
    rows: Sequence[tuple[int, NewRequest]], first: int
) -> dict[str, NDArray[np.generic]]:
    requests = [request for _, request in rows]

    def sizes(of: Callable[[NewRequest], int | None]) -> NDArray[np.int64]:
        found = [of(request) for request in requests]
        return np.array([-1 if size is None else size for size in found], np.int64)

    def texts(of: Callable[[NewRequest], str]) -> NDArray[np.object_]:
        return text_column([of(request) for request in requests])

    return {
        "project": np.array([project for project, _ in rows], np.uint32),
        "time_ms": np.array([one.time_ms for one in requests], np.int64),
        "sequence": np.arange(first, first + len(rows)),
        "method": texts(lambda one: one.method),
        "route": texts(lambda one: one.route),
        "path": texts(lambda one: one.path),
        "status": np.array([one.status for one in requests], np.uint16),
        "duration_us": np.array([one.duration_us for one in requests], np.uint64),
        "request_bytes": sizes(lambda one: one.request_bytes),
        "response_bytes": sizes(lambda one: one.response_bytes),
        "consumer": texts(lambda one: one.consumer),
        "client": texts(lambda one: one.client),
        "version": texts(lambda one: one.version),
    }


def _all(texts: Iterable[Sequence[str]]) -> list[str]:
    return list(chain.from_iterable(texts))
