"""`AgentSessionStore` in the event store's file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.outcomes import PullMark, SealedSecret, WorkOutcome
from storage.api.agent_sessions.prices import ModelPrice
from storage.api.agent_sessions.records import AgentAppendResult, AgentRecords
from storage.api.agent_sessions.reports import (
    ActionTotals,
    AgentSelection,
    AgentSession,
    AgentTotals,
    OldestRecords,
    SessionFilters,
    SessionOrder,
    SessionPage,
    SessionSpread,
    TimelineEntry,
    ToolFigures,
    UsageDimension,
    UsageGroup,
    UsageSeries,
)
from storage.api.agent_sessions.store import CostOf, DeveloperIdentity
from storage.events.agent_sessions import outcome_rows, upkeep
from storage.events.agent_sessions.appending import AgentAppender, AgentBatch
from storage.events.agent_sessions.queries import AgentQueries
from storage.events.appending.commit_queue import CommitQueue
from storage.events.database import EventDatabase
from storage.events.hashing import Hasher

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")


class DuckAgentSessionStore:
    """Sessions of coding agents; see `AgentSessionStore` for the methods."""

    def __init__(self, database: EventDatabase) -> None:
        self._database = database
        self._appender = AgentAppender()
        self._hasher = Hasher(b"")
        self._queue: CommitQueue[AgentRecords, AgentAppendResult] = CommitQueue(
            database.on_writer, self._write_batches
        )

    def _write_batches(self, batches: Sequence[AgentBatch]) -> Sequence[AgentAppendResult]:
        return self._database.transaction(
            lambda connection: self._appender.write(connection, batches)
        )

    def load(self, connection: "DuckDBPyConnection", hasher: Hasher) -> None:
        """Read what is needed to append; called each time the file has been opened."""
        self._hasher = hasher
        self._appender.load(connection, hasher)

    async def append_records(self, records: AgentRecords) -> AgentAppendResult:
        """See `AgentSessionStore.append_records`."""
        if not len(records):
            return AgentAppendResult()
        return await self._queue.append(0, records, 0)

    async def append_outcomes(self, outcomes: Sequence[WorkOutcome]) -> int:
        """See `AgentSessionStore.append_outcomes`."""
        if not outcomes:
            return 0
        return await self._database.write(
            lambda connection: outcome_rows.write_outcomes(connection, outcomes)
        )

    async def pull_mark(self, repository: str, kind: str) -> PullMark | None:
        """See `AgentSessionStore.pull_mark`."""
        return await self._read(
            lambda found: outcome_rows.pull_mark(found.connection, repository, kind), None
        )

    async def set_pull_mark(self, repository: str, kind: str, mark: PullMark) -> None:
        """See `AgentSessionStore.set_pull_mark`."""
        await self._database.write(
            lambda connection: outcome_rows.set_pull_mark(connection, repository, kind, mark)
        )

    async def sealed_secret(self, name: str) -> SealedSecret | None:
        """See `AgentSessionStore.sealed_secret`."""
        return await self._read(
            lambda found: outcome_rows.sealed_secret(found.connection, name), None
        )

    async def set_sealed_secret(self, name: str, secret: SealedSecret | None) -> None:
        """See `AgentSessionStore.set_sealed_secret`."""
        await self._database.write(
            lambda connection: outcome_rows.set_sealed_secret(connection, name, secret)
        )

    async def sessions(
        self,
        selection: AgentSelection,
        order: SessionOrder,
        *,
        descending: bool,
        limit: int,
        offset: int = 0,
        search: str | None = None,
    ) -> SessionPage:
        """See `AgentSessionStore.sessions`."""
        return await self._read(
            lambda found: found.sessions(
                selection, order, descending=descending, limit=limit, offset=offset, search=search
            ),
            SessionPage((), 0),
        )

    async def session(self, session_id: str) -> AgentSession | None:
        """See `AgentSessionStore.session`."""
        return await self._read(lambda found: found.session(session_id), None)

    async def timeline(self, session_id: str, limit: int) -> Sequence[TimelineEntry]:
        """See `AgentSessionStore.timeline`."""
        return await self._read(lambda found: found.timeline(session_id, limit), ())

    async def totals(self, selection: AgentSelection) -> AgentTotals:
        """See `AgentSessionStore.totals`."""
        return await self._read(lambda found: found.totals(selection), AgentTotals())

    async def action_totals(self, selection: AgentSelection) -> ActionTotals:
        """See `AgentSessionStore.action_totals`."""
        return await self._read(lambda found: found.action_totals(selection), ActionTotals())

    async def session_count(self, selection: AgentSelection) -> int:
        """See `AgentSessionStore.session_count`."""
        return await self._read(lambda found: found.session_count(selection), 0)

    async def usage(
        self, selection: AgentSelection, by: UsageDimension, limit: int
    ) -> Sequence[UsageGroup]:
        """See `AgentSessionStore.usage`."""
        return await self._read(lambda found: found.usage(selection, by, limit), ())

    async def usage_series(
        self, selection: AgentSelection, edges_ms: NDArray[np.int64]
    ) -> UsageSeries:
        """See `AgentSessionStore.usage_series`."""
        size = len(edges_ms) - 1
        return await self._read(
            lambda found: found.usage_series(selection, edges_ms),
            UsageSeries(np.zeros(size), np.zeros(size, np.int64), np.zeros(size, np.int64)),
        )

    async def tools(self, selection: AgentSelection, limit: int) -> Sequence[ToolFigures]:
        """See `AgentSessionStore.tools`."""
        return await self._read(lambda found: found.tools(selection, limit), ())

    async def spread(self, selection: AgentSelection, quantiles: Sequence[float]) -> SessionSpread:
        """See `AgentSessionStore.spread`."""
        nothing = dict.fromkeys(quantiles, np.nan)
        return await self._read(
            lambda found: found.spread(selection, quantiles),
            SessionSpread(nothing, nothing, nothing),
        )

    async def filters(self) -> SessionFilters:
        """See `AgentSessionStore.filters`."""
        return await self._read(lambda found: found.filters(), SessionFilters())

    async def outcomes(self, start_ms: int, end_ms: int) -> Sequence[WorkOutcome]:
        """See `AgentSessionStore.outcomes`."""
        return await self._read(
            lambda found: outcome_rows.outcomes_between(found.connection, start_ms, end_ms), []
        )

    async def outcomes_of_session(self, session_id: str) -> Sequence[WorkOutcome]:
        """See `AgentSessionStore.outcomes_of_session`."""
        return await self._read(
            lambda found: outcome_rows.outcomes_of_session(found.connection, session_id), []
        )

    async def sessions_by_bucket(
        self, selection: AgentSelection, edges_ms: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """See `AgentSessionStore.sessions_by_bucket`."""
        return await self._read(
            lambda found: found.sessions_by_bucket(selection, edges_ms),
            np.zeros(len(edges_ms) - 1, np.int64),
        )

    async def oldest_records(self) -> OldestRecords:
        """See `AgentSessionStore.oldest_records`."""
        return await self._read(lambda found: found.oldest_records(), OldestRecords())

    async def models(self) -> Sequence[str]:
        """See `AgentSessionStore.models`."""
        return await self._read(lambda found: found.models(), ())

    async def unpriced_models(self) -> Sequence[tuple[str, int]]:
        """See `AgentSessionStore.unpriced_models`."""
        return await self._read(lambda found: found.unpriced_models(), ())

    async def price_overrides(self) -> Sequence[ModelPrice]:
        """See `AgentSessionStore.price_overrides`."""
        return await self._read(lambda found: upkeep.price_overrides(found.connection), [])

    async def set_price(self, price: ModelPrice) -> None:
        """See `AgentSessionStore.set_price`."""
        await self._database.write(lambda connection: upkeep.set_price(connection, price))

    async def remove_price(self, model: str, effective_ms: int, above_tokens: int) -> bool:
        """See `AgentSessionStore.remove_price`."""
        return await self._write(
            lambda connection: upkeep.remove_price(connection, model, effective_ms, above_tokens),
            False,  # noqa: FBT003 - what to return without a file.
        )

    async def reprice(self, cost: CostOf) -> int:
        """See `AgentSessionStore.reprice`."""
        return await self._write(lambda connection: upkeep.reprice(connection, cost), 0)

    async def identity_of(self, developer: str) -> DeveloperIdentity:
        """See `AgentSessionStore.identity_of`."""

        def identity(found: AgentQueries) -> DeveloperIdentity:
            names = self._names(developer)
            return DeveloperIdentity(names, upkeep.sessions_of(found.connection, names))

        return await self._read(identity, DeveloperIdentity((developer,), ()))

    async def erase_developer(self, developer: str) -> int:
        """See `AgentSessionStore.erase_developer`."""
        return await self._write(
            lambda connection: upkeep.erase_developer(connection, self._names(developer)), 0
        )

    def _names(self, developer: str) -> tuple[str, str]:
        return developer, self._pseudonym(developer)

    async def delete_sessions_before(self, time_ms: int) -> int:
        """See `AgentSessionStore.delete_sessions_before`."""
        return await self._write(
            lambda connection: upkeep.delete_sessions_before(connection, time_ms), 0
        )

    async def pseudonyms(self, texts: Sequence[str]) -> Mapping[str, str]:
        """See `AgentSessionStore.pseudonyms`."""
        # Opening the file reads the key of the hashes.
        return await self._database.read(lambda _: {text: self._pseudonym(text) for text in texts})

    async def pseudonym_function(self) -> Callable[[str], str]:
        """See `AgentSessionStore.pseudonym_function`."""
        # Opening the file reads the key of the hashes.
        await self._database.read(lambda _: None)
        return self._pseudonym

    def _pseudonym(self, text: str) -> str:
        (number,) = self._hasher.hashes(0, (text,), b"developer").tolist()
        return f"dev-{number:016x}"

    async def _read(self, question: Callable[[AgentQueries], T], nothing: T) -> T:
        """Return an answer; `nothing` as long as there is no file."""
        if not await asyncio.to_thread(lambda: self._database.exists):
            return nothing
        return await self._database.read(lambda connection: question(AgentQueries(connection)))

    async def _write(self, work: "Callable[[DuckDBPyConnection], T]", nothing: T) -> T:
        if not await asyncio.to_thread(lambda: self._database.exists):
            return nothing
        return await self._database.write(work)
