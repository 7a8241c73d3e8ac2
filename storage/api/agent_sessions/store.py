"""The protocol of the store of coding agents' sessions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.outcomes import PullMark, SealedSecret, WorkOutcome
from storage.api.agent_sessions.prices import ModelPrice
from storage.api.agent_sessions.records import AgentAppendResult, AgentRecords, AgentRequest
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


@dataclass(frozen=True, slots=True)
class DeveloperIdentity:
    """What names a developer: the own name and the pseudonym, and the ids of sessions."""

    names: Sequence[str]
    session_ids: Sequence[str]


CostOf = Callable[[AgentRequest], float | None]
"""Returns the cost of a request in dollars, None for a model without a price."""


class AgentSessionStore(Protocol):
    """Keeps sessions, requests, actions, outcomes and prices."""

    async def append_records(self, records: AgentRecords) -> AgentAppendResult:
        """Store records; each request and action counts once, whatever arrives twice.

        Raises:
            StorageError: nothing was stored.
        """

    async def append_outcomes(self, outcomes: Sequence[WorkOutcome]) -> int:
        """Store outcomes; return how many are new or changed."""

    async def pull_mark(self, repository: str, kind: str) -> PullMark | None:
        """Return how far a list of a repository has been pulled, None if it never was."""

    async def set_pull_mark(self, repository: str, kind: str, mark: PullMark) -> None:
        """Store how far a list of a repository has been pulled."""

    async def sealed_secret(self, name: str) -> SealedSecret | None:
        """Return a secret, None if it is not set."""

    async def set_sealed_secret(self, name: str, secret: SealedSecret | None) -> None:
        """Store a secret in place of an earlier one; None removes it."""

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
        """Return sessions whose last activity is in the range."""

    async def session(self, session_id: str) -> AgentSession | None:
        """Return one session, None if it is unknown."""

    async def timeline(self, session_id: str, limit: int) -> Sequence[TimelineEntry]:
        """Return what happened in a session, oldest first."""

    async def totals(self, selection: AgentSelection) -> AgentTotals:
        """Add up requests."""

    async def action_totals(self, selection: AgentSelection) -> ActionTotals:
        """Add up actions; a selection by model is ignored."""

    async def session_count(self, selection: AgentSelection) -> int:
        """Count the sessions that `sessions` returns."""

    async def usage(
        self, selection: AgentSelection, by: UsageDimension, limit: int
    ) -> Sequence[UsageGroup]:
        """Return usage by a dimension, the dearest first."""

    async def usage_series(
        self, selection: AgentSelection, edges_ms: NDArray[np.int64]
    ) -> UsageSeries:
        """Return sums by bucket of time."""

    async def tools(self, selection: AgentSelection, limit: int) -> Sequence[ToolFigures]:
        """Return the tools, the most called first."""

    async def spread(self, selection: AgentSelection, quantiles: Sequence[float]) -> SessionSpread:
        """Return percentiles of sessions and of requests' durations."""

    async def filters(self) -> SessionFilters:
        """Return the values that occur."""

    async def outcomes(self, start_ms: int, end_ms: int) -> Sequence[WorkOutcome]:
        """Return the outcomes that were created or ended in a range, oldest first."""

    async def outcomes_of_session(self, session_id: str) -> Sequence[WorkOutcome]:
        """Return the outcomes with the commits of a session, and their pull requests."""

    async def sessions_by_bucket(
        self, selection: AgentSelection, edges_ms: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return how many sessions had their last activity in each bucket."""

    async def oldest_records(self) -> OldestRecords:
        """Return since when there are records."""

    async def models(self) -> Sequence[str]:
        """Return the models of all requests."""

    async def unpriced_models(self) -> Sequence[tuple[str, int]]:
        """Return the models without a price and their tokens, most tokens first."""

    async def price_overrides(self) -> Sequence[ModelPrice]:
        """Return the prices that an admin has set."""

    async def set_price(self, price: ModelPrice) -> None:
        """Add or replace the price with its model, time and prompt size."""

    async def remove_price(self, model: str, effective_ms: int, above_tokens: int) -> bool:
        """Remove a price; report whether it was there."""

    async def reprice(self, cost: CostOf) -> int:
        """Compute every cost anew; return how many requests changed."""

    async def identity_of(self, developer: str) -> DeveloperIdentity:
        """Return the names of a developer and the sessions that `erase_developer` deletes."""

    async def erase_developer(self, developer: str) -> int:
        """Delete everything of a developer; return how many records that were."""

    async def delete_sessions_before(self, time_ms: int) -> int:
        """Delete the sessions that ended before a time; return how many."""

    async def pseudonyms(self, texts: Sequence[str]) -> Mapping[str, str]:
        """Return a lasting pseudonym for each text, which only this store can compute."""

    async def pseudonym_function(self) -> Callable[[str], str]:
        """Return what makes the same pseudonyms; any thread may call it."""
