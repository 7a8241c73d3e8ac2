"""The one way in for pull requests, reviews and commits, however they arrive."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from analytics.sessions.outcomes.github_json import outcomes_in
from storage.api.agent_sessions.outcomes import WorkOutcome
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

    Args:
        store: the store.
        hash_emails: whether authors' e-mail addresses are replaced by pseudonyms.

    Attributes:
        received: the outcomes that arrived since the start, by their way.
    """

    def __init__(self, store: AgentSessionStore, *, hash_emails: bool = False) -> None:
        self._store, self._hash_emails = store, hash_emails
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
        outcomes = await self._without_addresses(outcomes_in(document, repository))
        stored = await self._store.append_outcomes(outcomes)
        self.received[way] += len(outcomes)
        return TakenOutcomes(len(outcomes), stored)

    async def _without_addresses(self, outcomes: Sequence[WorkOutcome]) -> Sequence[WorkOutcome]:
        """Return outcomes with the pseudonyms of addresses, if no address may be stored."""
        people = {name for one in outcomes for name in (one.author, one.author_email)}
        addresses = sorted(name for name in people if "@" in name)
        if not self._hash_emails or not addresses:
            return outcomes
        names = await self._store.pseudonyms(addresses)
        return [
            replace(
                one,
                author=names.get(one.author, one.author),
                author_email=names.get(one.author_email, one.author_email),
            )
            for one in outcomes
        ]
