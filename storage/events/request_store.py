"""`RequestStore` in the event store's file."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

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
from storage.events.appending import Batch, CommitQueue, Folding
from storage.events.database import EventDatabase
from storage.events.journal import EventJournal, RequestRows
from storage.events.request_reports import RequestQueries

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")


class DuckRequestStore:
    """Tracked requests; see `storage.api.requests` for the methods."""

    def __init__(self, database: EventDatabase, journal: EventJournal, folding: Folding) -> None:
        self._database, self._journal, self._folding = database, journal, folding
        self._queue: CommitQueue[Sequence[NewRequest], None] = CommitQueue(
            database.on_journal, self._write
        )

    async def append_requests(self, project: int, requests: Sequence[NewRequest]) -> None:
        """See `RequestAppender.append_requests`."""
        if requests:
            await self._queue.append(project, requests, 0)
            self._folding.remind()

    def _write(self, batches: Sequence[Batch[Sequence[NewRequest], None]]) -> Sequence[None]:
        self._database.open()
        self._folding.make_room()
        self._journal.append([RequestRows(batch.project, batch.rows) for batch in batches])
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
        await self._folding.settled()
        return await self._database.read(lambda connection: report(RequestQueries(connection)))
