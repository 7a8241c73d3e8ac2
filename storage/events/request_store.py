"""`RequestStore` in the event store's file."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.api.requests import (
    ConsumerFigures,
    LatencyCounts,
    NewRequest,
    PropertyFigures,
    RequestProperty,
    RequestSelection,
    RequestSeries,
    RequestSummary,
    RouteFigures,
    RouteOrder,
    StoredRequest,
)
from storage.events.commit_queue import Batch, CommitQueue, text_column
from storage.events.database import EventDatabase
from storage.events.request_reports import RequestQueries

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

_INSERT: Final = """
insert into requests
select project, time_ms, sequence, method, route, path, status, duration_us,
    nullif(request_bytes, -1), nullif(response_bytes, -1), consumer, client, version
from batch
"""


class DuckRequestStore:
    """Tracked requests; see `storage.api.requests` for the methods."""

    def __init__(self, database: EventDatabase) -> None:
        self._database = database
        self._queue: CommitQueue[Sequence[NewRequest], None] = CommitQueue(database, self._write)
        self._next_sequence = 0

    def load(self, connection: "DuckDBPyConnection") -> None:
        """Read what is needed to append; called each time the file has been opened."""
        row = connection.execute("select max(sequence) from requests").fetchone()
        self._next_sequence = 0 if row is None or row[0] is None else row[0] + 1

    async def append_requests(self, project: int, requests: Sequence[NewRequest]) -> None:
        """See `RequestAppender.append_requests`."""
        await self._queue.append(project, requests, 0)

    def _write(
        self, connection: "DuckDBPyConnection", batches: Sequence[Batch[Sequence[NewRequest], None]]
    ) -> Sequence[None]:
        rows = [(batch.project, one) for batch in batches for one in batch.rows]
        first = self._next_sequence
        columns = _columns(rows, first)
        connection.register("batch", columns)
        connection.execute(_INSERT)
        connection.unregister("batch")
        # A commit that fails leaves a gap.
        self._next_sequence = first + len(rows)
        return [None] * len(batches)

    async def summary(
        self, selection: RequestSelection, quantiles: Sequence[float], apdex_us: int
    ) -> RequestSummary:
        """See `RequestReader.summary`."""
        return await self._read(lambda found: found.summary(selection, quantiles, apdex_us))

    async def request_series(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> RequestSeries:
        """See `RequestReader.request_series`."""
        return await self._read(lambda found: found.series(selection, edges_ms))

    async def latency_counts(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> LatencyCounts:
        """See `RequestReader.latency_counts`."""
        return await self._read(lambda found: found.latency_counts(selection, edges_ms))

    async def by_property(
        self, selection: RequestSelection, name: RequestProperty, limit: int
    ) -> Sequence[PropertyFigures]:
        """See `RequestReader.by_property`."""
        return await self._read(lambda found: found.by_property(selection, name, limit))

    async def routes(
        self, selection: RequestSelection, order: RouteOrder, limit: int
    ) -> Sequence[RouteFigures]:
        """See `RequestReader.routes`."""
        return await self._read(lambda found: found.routes(selection, order, limit))

    async def consumers(self, selection: RequestSelection, limit: int) -> Sequence[ConsumerFigures]:
        """See `RequestReader.consumers`."""
        return await self._read(lambda found: found.consumers(selection, limit))

    async def latest_requests(
        self, selection: RequestSelection, limit: int, before: tuple[int, int] | None = None
    ) -> Sequence[StoredRequest]:
        """See `RequestReader.latest_requests`."""
        return await self._read(lambda found: found.latest(selection, limit, before))

    async def delete_requests_before(self, project: int, time_ms: int) -> int:
        """See `RequestReader.delete_requests_before`."""

        def delete(connection: "DuckDBPyConnection") -> int:
            row = connection.execute(
                "delete from requests where project = ? and time_ms < ?", [project, time_ms]
            ).fetchone()
            return int(row[0]) if row else 0

        # No file for a server without events.
        exists = await asyncio.to_thread(self._database.path.exists)
        return await self._database.write(delete) if exists else 0

    async def _read(self, report: Callable[[RequestQueries], T]) -> T:
        return await self._database.read(lambda connection: report(RequestQueries(connection)))


def _columns(rows: Sequence[tuple[int, NewRequest]], first: int) -> dict[str, NDArray[np.generic]]:
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
