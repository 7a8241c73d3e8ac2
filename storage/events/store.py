"""`EventAppender`, `EventReader` and `EventAdministration` in one DuckDB file."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from storage.api.errors import StorageError
from storage.api.events import (
    WHOLE,
    AppendResult,
    EventGroup,
    EventSelection,
    EventSeries,
    EventStep,
    EventTotals,
    NumberSummary,
    Occurrences,
    PersonPart,
    ProjectVolume,
    SeenProperty,
    StoredEvent,
)
from storage.api.new_events import NewEvent, NewEvents, PersonMerge
from storage.api.reports.measures import Breakdown, EventMeasure, FirstValues, MeasuredSeries
from storage.api.visits.exclusions import ExclusionReason
from storage.api.visits.sessions import SessionFigures
from storage.events.activity import (
    ActivityQueries,
    DuckActivityReader,
    DuckEventTransfer,
    TransferQueries,
)
from storage.events.agent_sessions.store import DuckAgentSessionStore
from storage.events.appending import (
    Appender,
    Batch,
    CommitQueue,
    Folding,
    TableWriter,
    fold_pending,
)
from storage.events.compaction import delete_leftovers
from storage.events.database import EventDatabase
from storage.events.hashing import Hasher
from storage.events.journal import EventJournal
from storage.events.measures import MeasureQueries
from storage.events.persons.merging import merge
from storage.events.persons.property_rows import delete_without_events
from storage.events.reports import ReportQueries
from storage.events.request_store import DuckRequestStore
from storage.events.schema import folded_number, prepare
from storage.events.settings import EventStoreSettings
from storage.events.visits.exclusions import ExclusionCounts
from storage.events.visits.sessions import SessionQueries

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

log = structlog.get_logger(__name__)

_EXPORT_BLOCK: Final = 10_000
_TABLES_OF_PROJECTS: Final = (
    *("events", "names", "identities", "person_properties", "requests", "exclusions"),
)


class DuckEventStore:
    """The event store; see `storage.api.event_store` for its methods.

    The file is created and opened at the first use.

    Attributes:
        requests: the tracked requests in the same file.
        activity: answers questions about persons over time.
        transfer: exports events.
        agent_sessions: the sessions of coding agents in the same file.
    """

    def __init__(self, path: Path, settings: EventStoreSettings | None = None) -> None:
        self._hasher = Hasher(b"")
        self._journal = EventJournal(path)
        self._database = EventDatabase(
            path, settings or EventStoreSettings(), self._prepare, self._settle
        )
        self._has_cleaned = self._has_recovered = False
        self._exclusions = ExclusionCounts()
        self._tables = TableWriter()
        self._folding = Folding(self._database, self._journal, self._tables, self._exclusions)
        self._appender = Appender(self._database, self._journal, self._folding)
        self._merges: CommitQueue[Sequence[PersonMerge], int] = CommitQueue(
            self._database.on_writer, self._merge
        )
        self.requests = DuckRequestStore(self._database, self._journal, self._folding)
        self.agent_sessions = DuckAgentSessionStore(self._database)
        self.activity = DuckActivityReader(self._read_activity)
        self.transfer = DuckEventTransfer(self._read_transfer, path.parent)

    def _prepare(self, connection: "DuckDBPyConnection") -> None:
        if not self._has_cleaned:
            self._has_cleaned = True
            delete_leftovers(self._database.path)
        self._hasher = Hasher(prepare(connection))
        self._journal.open(self._hasher.mark, folded_number(connection))
        self._tables.load(connection, self._hasher)
        self._appender.load(connection, self._hasher)
        self.agent_sessions.load(connection, self._hasher)
        if not self._has_recovered:
            # Reports would not know that a crash has left something.
            fold_pending(connection, self._journal, self._tables)
            self._has_recovered = True

    def _settle(self) -> None:
        self._folding.fold()

    def close(self) -> None:
        """Finish the writes and close the file; blocks."""
        self._folding.cancel()
        try:
            self._database.close()
        except StorageError as exc:
            # What has been acknowledged is in the journal, and read at the next start.
            log.warning("event_journal_not_folded", error=str(exc))
        finally:
            self._journal.close()

    async def append(
        self, project: int, events: NewEvents | Sequence[NewEvent], received_ms: int
    ) -> AppendResult:
        """See `EventAppender.append`."""
        if not isinstance(events, NewEvents):
            events = NewEvents.of(events)
        return await self._appender.append(project, events, received_ms)

    async def identify(self, project: int, merges: Sequence[PersonMerge]) -> int:
        """See `EventAppender.identify`."""
        return await self._merges.append(project, merges, 0) if merges else 0

    def _merge(self, batches: Sequence[Batch[Sequence[PersonMerge], int]]) -> Sequence[int]:
        def merge_all(connection: "DuckDBPyConnection") -> Sequence[int]:
            return [
                sum(not merge(connection, self._hasher, batch.project, each) for each in batch.rows)
                for batch in batches
            ]

        # Merging does not look at events: the journal need not be folded.
        return self._database.transaction(merge_all)

    async def count(self, selection: EventSelection) -> int:
        """See `EventReader.count`."""
        return await self._read(lambda queries: queries.count(selection))

    async def estimate(self, selection: EventSelection) -> int:
        """See `EventReader.estimate`."""
        return await self._read(lambda queries: queries.estimate(selection))

    async def totals(self, selection: EventSelection) -> EventTotals:
        """See `EventReader.totals`."""
        return await self._read(lambda queries: queries.totals(selection))

    async def groups(
        self, selection: EventSelection, limit: int, by: str | None = None
    ) -> Sequence[EventGroup]:
        """See `EventReader.groups`."""
        return await self._read(lambda queries: queries.groups(selection, limit, by))

    async def series(self, selection: EventSelection, edges_ms: NDArray[np.int64]) -> EventSeries:
        """See `EventReader.series`."""
        return await self._read(lambda queries: queries.series(selection, edges_ms))

    async def series_by_name(
        self, selection: EventSelection, edges_ms: NDArray[np.int64]
    ) -> Sequence[EventSeries]:
        """See `EventReader.series_by_name`."""
        return await self._read(lambda queries: queries.series_by_name(selection, edges_ms))

    async def occurrences(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        part: PersonPart = WHOLE,
    ) -> Occurrences:
        """See `EventReader.occurrences`."""
        return await self._read(lambda queries: queries.occurrences(selection, steps, part))

    async def measured(
        self,
        selection: EventSelection,
        edges_ms: NDArray[np.int64],
        measure: EventMeasure,
        of: str | None = None,
        breakdown: Breakdown | None = None,
    ) -> Sequence[MeasuredSeries]:
        """See `EventReader.measured`."""
        return await self._measure(
            lambda queries: queries.measured(selection, edges_ms, measure, of, breakdown)
        )

    async def first_values(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        by: str,
        part: PersonPart = WHOLE,
    ) -> FirstValues:
        """See `EventReader.first_values`."""
        return await self._measure(lambda queries: queries.first_values(selection, steps, by, part))

    async def persons_named(self, project: int, persons: Sequence[int]) -> Mapping[int, str]:
        """See `EventReader.persons_named`."""
        return await self._measure(lambda queries: queries.persons_named(project, persons))

    async def numbers(
        self, selection: EventSelection, by: str, quantiles: Sequence[float]
    ) -> NumberSummary:
        """See `EventReader.numbers`."""
        return await self._read(lambda queries: queries.numbers(selection, by, quantiles))

    async def latest(
        self, selection: EventSelection, limit: int, before: tuple[int, int] | None = None
    ) -> Sequence[StoredEvent]:
        """See `EventReader.latest`."""
        return await self._read(lambda queries: queries.latest(selection, limit, before))

    async def future(self, project: int, limit: int) -> tuple[int, Sequence[StoredEvent]]:
        """See `EventReader.future`."""
        return await self._read(lambda queries: queries.future(project, limit))

    async def names(self, project: int) -> Sequence[tuple[str, int, int, int]]:
        """See `EventReader.names`."""
        return await self._read(lambda queries: queries.names(project))

    async def volumes(self, start_ms: int) -> Mapping[int, ProjectVolume]:
        """See `EventReader.volumes`."""
        if not await asyncio.to_thread(lambda: self._database.exists):
            return {}
        return await self._read(lambda queries: queries.volumes(start_ms))

    async def properties(self, project: int, name: str | None) -> Sequence[SeenProperty]:
        """See `EventReader.properties`."""
        return await self._read(lambda queries: queries.properties(project, name))

    async def distinct_ids(self, project: int, distinct_id: str) -> Sequence[str]:
        """See `EventReader.distinct_ids`."""
        return await self._read(lambda queries: queries.distinct_ids(project, distinct_id))

    async def export(self, selection: EventSelection) -> AsyncIterator[Sequence[StoredEvent]]:
        """See `EventReader.export`."""
        after = -1
        while block := await self._block(selection, after):
            yield block
            after = block[-1].sequence

    async def _block(self, selection: EventSelection, after: int) -> Sequence[StoredEvent]:
        return await self._read(lambda queries: queries.block(selection, after, _EXPORT_BLOCK))

    async def erase_person(self, project: int, distinct_id: str) -> int:
        """See `EventAdministration.erase_person`."""

        def erase(connection: "DuckDBPyConnection") -> int:
            persons = ReportQueries(connection, self._hasher).persons_of(project, distinct_id)
            deleted = 0
            for person in persons:
                row = connection.execute(
                    "delete from events where project = ? and person = ?", [project, person]
                ).fetchone()
                deleted += row[0] if row else 0
                connection.execute(
                    "delete from person_properties where project = ? and person = ?",
                    [project, person],
                )
            connection.execute(
                "delete from identities where project = ? and person = ?", [project, persons[0]]
            )
            return deleted

        return await self._database.write(erase)

    async def delete_before(self, project: int, time_ms: int) -> int:
        """See `EventAdministration.delete_before`."""

        def delete(connection: "DuckDBPyConnection") -> int:
            row = connection.execute(
                "delete from events where project = ? and time_ms < ?", [project, time_ms]
            ).fetchone()
            deleted = int(row[0]) if row else 0
            if deleted:
                self._tables.forget_unused_names(connection, project)
                delete_without_events(connection, project)
            return deleted

        # No file for a server without events.
        exists = await asyncio.to_thread(self._database.path.exists)
        return await self._database.write(delete) if exists else 0

    async def compact(self) -> int:
        """See `EventAdministration.compact`."""
        return await self._database.compact()

    async def delete_project(self, project: int) -> None:
        """See `EventAdministration.delete_project`."""

        def delete(connection: "DuckDBPyConnection") -> None:
            for table in _TABLES_OF_PROJECTS:
                connection.execute(f"delete from {table} where project = ?", [project])
            self._tables.forget_names(project)
            self._exclusions.forget(project)

        await self._database.write(delete)

    def count_excluded(
        self, project: int, time_ms: int, counts: Mapping[ExclusionReason, int]
    ) -> None:
        """See `ExclusionCounter.count_excluded`."""
        self._exclusions.count(project, time_ms, counts)

    async def excluded(
        self, project: int, start_ms: int, end_ms: int
    ) -> Mapping[ExclusionReason, int]:
        """See `ExclusionCounter.excluded`."""
        counts = self._exclusions
        # Folding moves counts from memory to the table.
        await self._folding.settled()
        found = counts.pending(project, start_ms, end_ms)
        if await asyncio.to_thread(lambda: self._database.exists):
            found += await self._database.read(
                lambda connection: counts.stored(connection, project, start_ms, end_ms)
            )
        return found

    async def sessions(
        self,
        selection: EventSelection,
        idle_ms: int,
        until_ms: int,
        limit: int,
        edges_ms: NDArray[np.int64] | None = None,
    ) -> SessionFigures:
        """See `SessionReader.sessions`."""
        return await self._answer(
            lambda connection: SessionQueries(connection, self._hasher).sessions(
                selection, idle_ms, until_ms, limit, edges_ms
            )
        )

    async def check(self) -> None:
        """See `EventAdministration.check`."""

        def look(connection: "DuckDBPyConnection") -> None:
            connection.execute("select 1 from events limit 1").fetchall()

        if await asyncio.to_thread(lambda: self._database.exists):
            # Without moving the journal into the tables first: health is asked every second.
            await self._database.read(look)

    async def checkpoint(self) -> None:
        """Write the log into the file, which shortens the next start after a crash."""
        await self._database.checkpoint()

    async def _answer(self, work: "Callable[[DuckDBPyConnection], T]") -> T:
        await self._folding.settled()
        return await self._database.read(work)

    async def _read(self, report: Callable[[ReportQueries], T]) -> T:
        return await self._answer(
            lambda connection: report(ReportQueries(connection, self._hasher))
        )

    async def _read_transfer(self, question: Callable[[TransferQueries], T]) -> T:
        return await self._answer(
            lambda connection: question(TransferQueries(connection, self._hasher))
        )

    async def _read_activity(self, question: Callable[[ActivityQueries], T]) -> T:
        return await self._answer(
            lambda connection: question(ActivityQueries(connection, self._hasher))
        )

    async def _measure(self, report: Callable[[MeasureQueries], T]) -> T:
        return await self._answer(
            lambda connection: report(MeasureQueries(connection, self._hasher))
        )
