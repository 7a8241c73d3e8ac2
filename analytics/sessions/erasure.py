"""Deletes everything of a developer: sessions, outcomes, and the series of their agents."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher, MatchOperator
from model.telemetry.persons import AGENT_PREFIXES, PERSON_ATTRIBUTES
from storage.api.agent_sessions.store import AgentSessionStore, DeveloperIdentity
from storage.api.samples import SampleReader, SampleRemover

_LAST_MS: Final = 2**53
_SESSION_ATTRIBUTES: Final = ("session.id", "conversation.id", "gen_ai.conversation.id")
_MOST_VALUES: Final = 500
"""Values in one pattern: RE2 limits its size."""
# With a strategy that translates, a dot of a name is `_`.
_METRICS: Final = "|".join(f"{each.replace('.', '[._]')}[._].+" for each in AGENT_PREFIXES)

Selector = Sequence[Matcher]


@dataclass(frozen=True, slots=True)
class ErasedDeveloper:
    """How much was deleted."""

    records: int
    series: int


class DeveloperErasure:
    """Deletes what the server has of a developer."""

    def __init__(
        self, store: AgentSessionStore, reader: SampleReader, remover: SampleRemover
    ) -> None:
        self._store, self._reader, self._remover = store, reader, remover

    async def erase(self, developer: str) -> ErasedDeveloper:
        """Delete a developer's records and series, also those under the pseudonym.

        The series go first: only the sessions say which of them have no other name.

        Raises:
            StorageError: the disk refused a write; deleting again goes on.
        """
        identity = await self._store.identity_of(developer)
        series = await asyncio.to_thread(self._erase_series, identity)
        return ErasedDeveloper(await self._store.erase_developer(developer), series)

    def _erase_series(self, identity: DeveloperIdentity) -> int:
        """Delete the series of agents' metrics; return how many. Blocks."""
        used, found = list[Selector](), set[Labels]()
        for selector in _selectors(identity):
            if series := self._reader.series([selector], 0, _LAST_MS):
                used.append(selector)
                found.update(series)
        if used:
            self._remover.delete_series(used, 0, _LAST_MS)
        return len(found)


def _selectors(identity: DeveloperIdentity) -> Iterator[Selector]:
    """Yield selectors of the series that name the developer or one of their sessions."""
    metrics = Matcher.of(METRIC_NAME, MatchOperator.MATCHES, _METRICS)
    resources = Matcher.of(METRIC_NAME, MatchOperator.MATCHES, f"{_METRICS}|target_info")
    for label in _labels(PERSON_ATTRIBUTES):
        yield resources, _one_of(label, identity.names)
    sessions = identity.session_ids
    for start in range(0, len(sessions), _MOST_VALUES):
        for label in _labels(_SESSION_ATTRIBUTES):
            yield metrics, _one_of(label, sessions[start : start + _MOST_VALUES])


def _labels(attributes: Sequence[str]) -> Iterator[str]:
    """Yield the labels of attributes, under each strategy of the translation."""
    for attribute in attributes:
        yield from dict.fromkeys((attribute.replace(".", "_"), attribute))


def _one_of(label: str, values: Sequence[str]) -> Matcher:
    return Matcher.of(label, MatchOperator.MATCHES, "|".join(map(re.escape, values)))
