"""Stores clients' batches of events."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from analytics.product.collection import bots
from analytics.product.collection.completion import SubmissionCompleter
from analytics.product.collection.submission import EventSender, Submission
from analytics.product.ingestion import Identity, ItemError, parse_batch
from analytics.product.limits import EventLimits
from analytics.product.live import Arrivals
from analytics.series.counters import ProjectCounters
from model.clock import Clock
from storage.api.event_store import EventAppender
from storage.api.events import AppendResult
from storage.api.new_events import PersonMerge
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionCounter


class CountingAppender(EventAppender, ExclusionCounter, Protocol):
    """Stores events, and counts those that are excluded."""


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """The outcome of a client's batch.

    Attributes:
        stored: the number of new events.
        duplicates: the number of events that were stored before.
        future: indexes of events that are kept apart, because their time is in the future.
        errors: the refused items.
        excluded: the number of events of bots and own visits, which are not stored.
    """

    stored: int
    duplicates: int
    future: Sequence[int]
    errors: Sequence[ItemError]
    excluded: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether no item was accepted."""
        return bool(self.errors) and not (self.stored or self.duplicates or self.excluded)


class EventBatches:
    """Parses and stores batches; counts what it has stored since the start.

    Attributes:
        stored, duplicates, refused, excluded: the numbers of events.
        unmerged: the number of merges that were refused, because they would join two users.
    """

    def __init__(
        self,
        events: CountingAppender,
        clock: Clock,
        counters: ProjectCounters,
        limits: EventLimits,
        arrivals: Arrivals,
    ) -> None:
        self._events, self._clock, self._counters = events, clock, counters
        self._limits, self._arrivals = limits, arrivals
        self._completer, self._knows_bots = SubmissionCompleter(), False
        self._known_identities: set[tuple[int, Identity]] = set()
        self.stored = self.duplicates = self.refused = self.excluded = self.unmerged = 0

    async def store(self, project: Project, items: Sequence[Any]) -> StoredBatch:
        """Store the valid events of a program's batch; returns after they have been synced to disk.

        Raises:
            StorageError: nothing was stored.
        """
        return await self._store(project, items, range(len(items)), self._clock())

    async def restore(
        self, project: Project, items: Sequence[Any], persons: Iterable[Identity]
    ) -> StoredBatch:
        """Store exported events, and merge distinct ids as they were; returns as `store` does.

        Raises:
            StorageError: nothing was stored.
        """
        await self._identify(project.id, persons)
        indexes = range(len(items))
        return await self._store(project, items, indexes, self._clock(), are_exported=True)

    async def collect(
        self, project: Project, submission: Submission, sender: EventSender
    ) -> StoredBatch:
        """Complete and store the valid events of an SDK or web page; returns as `store` does.

        Events of bots and own visits are counted only. A program's plain events need no
        completion: `store` takes them.

        Raises:
            StorageError: nothing was stored.
        """
        if not self._knows_bots:
            await asyncio.to_thread(bots.load)
            self._knows_bots = True
        received_ms = self._clock()
        completed = self._completer.complete(project, submission, sender, received_ms)
        if completed.excluded:
            self._events.count_excluded(project.id, received_ms, completed.excluded)
        await self._identify(project.id, submission.aliases)
        batch = await self._store(project, completed.items, completed.indexes, received_ms)
        excluded = sum(completed.excluded.values())
        self.refused += len(submission.errors)
        self.excluded += excluded
        errors = [*submission.errors.values(), *_renamed(batch.errors, submission.field_names)]
        errors.sort(key=lambda error: error.index)
        return replace(batch, errors=errors, excluded=excluded)

    async def _store(
        self,
        project: Project,
        items: Sequence[Any],
        indexes: Sequence[int],
        received_ms: int,
        *,
        are_exported: bool = False,
    ) -> StoredBatch:
        parsed = await self._limits.restricted(project, parse_batch(items, received_ms))
        await self._identify(project.id, parsed.identities)
        result = AppendResult(0)
        if parsed.events:
            events = replace(parsed.events, are_exported=True) if are_exported else parsed.events
            result = await self._events.append(project.id, events, received_ms)
            self._arrivals.announce(project.key)
        if not are_exported:
            # Restored events happened at other times.
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
            [indexes[parsed.indexes[position]] for position in result.future],
            [replace(error, index=indexes[error.index]) for error in parsed.errors],
        )

    def forget_identities(self, project: Project) -> None:
        """Forget which distinct ids have been merged, after a person was erased."""
        self._known_identities = {
            known for known in self._known_identities if known[0] != project.id
        }

    async def _identify(self, project: int, identities: Iterable[Identity]) -> None:
        """Merge distinct ids in one transaction; a client repeats them in every event."""
        wanted = [each for each in identities if (project, each) not in self._known_identities]
        if not wanted:
            return
        self.unmerged += await self._events.identify(
            project,
            [PersonMerge(each.alias, each.distinct_id, each.is_forced) for each in wanted],
        )
        if len(self._known_identities) >= _MOST_KNOWN:
            self._known_identities.clear()
        self._known_identities.update((project, each) for each in wanted)


_MOST_KNOWN = 100_000


def _renamed(errors: Sequence[ItemError], names: Mapping[str, str]) -> Iterator[ItemError]:
    """Yield errors with the dialect's names of the fields."""
    for error in errors:
        yield replace(error, field=names.get(error.field, error.field))
