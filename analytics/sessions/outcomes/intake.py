"""The one way in for pull requests, reviews and commits, however they arrive."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from analytics.sessions.outcomes.github_json import outcomes_in
from storage.api.agent_sessions.store import AgentSessionStore


class OutcomeWay(StrEnum):
    """How an outcome arrived."""

    FILE = "file"
    WEBHOOK = "webhook"
    PULL = "pull"


@dataclass(frozen=True, slots=True)
class TakenOutcomes:
    """How many outcomes a document has, and how many of them are new or changed."""

    found: int
    stored: int


class OutcomeIntake:
    """Reads outcomes from GitHub's JSON, and stores them.

    Attributes:
        received: the outcomes that arrived since the start, by their way.
    """

    def __init__(self, store: AgentSessionStore) -> None:
        self._store = store
        self.received: Counter[OutcomeWay] = Counter()

    async def take(self, document: Any, way: OutcomeWay, repository: str = "") -> TakenOutcomes:
        """Store the outcomes of a document; an older record does not replace a newer one.

        Args:
            document: an answer of the API, a webhook's payload, or a list of them.
            way: how it arrived.
            repository: `owner/name`, for objects that do not name their repository.

        Raises:
            StorageError: nothing was stored.
        """
        outcomes = outcomes_in(document, repository)
        stored = await self._store.append_outcomes(outcomes)
        self.received[way] += len(outcomes)
        return TakenOutcomes(len(outcomes), stored)
