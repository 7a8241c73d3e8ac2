"""Stores clients' batches of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.product.ingestion import ItemError, parse_batch
from analytics.series.counters import ProjectCounters
from model.clock import Clock
from storage.api.events import EventAppender
from storage.api.projects import Project


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What became of a client's batch.

    Attributes:
        stored: the number of new events.
        duplicates: the number of events that were stored before.
        future: indexes of events that are kept apart, because their time is in the future.
        errors: the refused items.
    """

    stored: int
    duplicates: int
    future: Sequence[int]
    errors: Sequence[ItemError]


class EventBatches:
    """Parses and stores batches; counts what it has stored since the start."""

    def __init__(self, events: EventAppender, clock: Clock, counters: ProjectCounters) -> None:
        self._events, self._clock, self._counters = events, clock, counters
        self._known_identities: set[tuple[int, str, str]] = set()
        self.stored = self.duplicates = self.refused = 0

    async def store(self, project: Project, items: Sequence[Any]) -> StoredBatch:
        """Store the valid events of a batch; returns after they have been synced to disk.

        Raises:
            StorageError: nothing was stored.
        """
        received_ms = self._clock()
        parsed = parse_batch(items, received_ms)
        for identity in parsed.identities:
            await self._identify(project.id, identity.alias, identity.distinct_id)
        result = await self._events.append(project.id, parsed.events, received_ms)
        repeated = frozenset(result.duplicates)
        self._counters.count_events(
            project.key,
            (name for at, name in enumerate(parsed.events.names) if at not in repeated)
            if repeated
            else parsed.events.names,
        )
        self.stored += result.stored
        self.duplicates += len(result.duplicates)
        self.refused += len(parsed.errors)
        return StoredBatch(
            result.stored,
            len(result.duplicates),
            [parsed.indexes[position] for position in result.future],
            parsed.errors,
        )

    def forget_identities(self, project: Project) -> None:
        """Forget which distinct ids have been merged, after a person was erased."""
        self._known_identities = {
            known for known in self._known_identities if known[0] != project.id
        }

    async def _identify(self, project: int, alias: str, distinct_id: str) -> None:
        """Merge two distinct ids; a client repeats them in every event."""
        key = (project, alias, distinct_id)
        if key in self._known_identities:
            return
        await self._events.identify(project, alias, distinct_id)
        if len(self._known_identities) >= _MOST_KNOWN:
            self._known_identities.clear()
        self._known_identities.add(key)


_MOST_KNOWN = 100_000
