"""Questions about persons over time."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.api.activity.answers import (
    FoundPerson,
    PersonProperty,
    PersonSummary,
    Presences,
    PropertyUse,
    SeenName,
    Trails,
)
from storage.api.events import EventSelection, EventStep, StoredEvent


class ActivityReader(Protocol):
    """Answers questions about persons over time. Events that are kept apart are in no answer."""

    async def presences(
        self,
        selection: EventSelection,
        start: EventStep,
        back: EventStep,
        edges_ms: NDArray[np.int64],
    ) -> Presences:
        """Return which persons have start and return events in which bucket.

        Args:
            selection: the events; its range must lie within the edges.
            start: the start event.
            back: the return event.
            edges_ms: shape (B + 1,), ascending.
        """

    async def persons_with(self, selection: EventSelection, step: EventStep) -> NDArray[np.uint64]:
        """Return the persons with an event that satisfies a step, ascending."""

    def trails(
        self, selection: EventSelection, steps: Sequence[EventStep], *, all_events: bool
    ) -> AsyncIterator[Trails]:
        """Iterate over events in blocks; all events of a person are in one block.

        A block has about a million events, more only for the events of one person.

        Args:
            selection: the events.
            steps: up to 63 steps.
            all_events: whether events that satisfy no step are returned too.
        """

    async def person_ids(self, project: int, persons: NDArray[np.uint64]) -> Sequence[str]:
        """Return for each person the distinct id by which it is shown."""

    async def person(self, project: int, distinct_id: str) -> PersonSummary:
        """Return a person's events in figures."""

    async def person_properties(self, project: int, distinct_id: str) -> Sequence[PersonProperty]:
        """Return what events have set for a person, by name.

        Of all merged distinct ids, the latest value of `$set` counts, by the time of the event
        and then its arrival; without one, the first value of `$set_once`. A property that
        `$unset` has removed is missing.
        """

    async def find_persons(self, project: int, prefix: str, limit: int) -> Sequence[FoundPerson]:
        """Return distinct ids that begin with a text, the one with the latest event first."""

    async def arrivals(self, project: int, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the events that arrived last, the newest first.

        Args:
            project: the number of the project.
            after: only events with a larger sequence.
            limit: the most events.
        """

    async def known_names(self, project: int) -> frozenset[str]:
        """Return the names of a project's events, without a look at the events."""

    async def seen_names(self, project: int) -> Sequence[SeenName]:
        """Return the names of a project's events, the most frequent first."""

    async def property_uses(self, selection: EventSelection, limit: int) -> Sequence[PropertyUse]:
        """Return the properties of the selected events, the most frequent first."""
