"""`ActivityReader` over the event store's file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.api.activity import (
    FoundPerson,
    PersonProperty,
    PersonSummary,
    Presences,
    PropertyUse,
    SeenName,
    Trails,
)
from storage.api.events import EventSelection, EventStep, StoredEvent
from storage.events.activity.queries import ActivityQueries

T = TypeVar("T")


class DuckActivityReader:
    """Questions about persons over time; see `storage.api.activity` for the methods."""

    def __init__(self, read: Callable[[Callable[[ActivityQueries], Any]], Awaitable[Any]]) -> None:
        """Set up.

        Args:
            read: runs queries on a connection of their own.
        """
        self._read = read

    async def presences(
        self,
        selection: EventSelection,
        start: EventStep,
        back: EventStep,
        edges_ms: NDArray[np.int64],
    ) -> Presences:
        """See `ActivityReader.presences`."""
        return await self._ask(lambda found: found.presences(selection, start, back, edges_ms))

    async def persons_with(self, selection: EventSelection, step: EventStep) -> NDArray[np.uint64]:
        """See `ActivityReader.persons_with`."""
        return await self._ask(lambda found: found.persons_with(selection, step))

    async def trails(
        self, selection: EventSelection, steps: Sequence[EventStep], *, all_events: bool
    ) -> AsyncIterator[Trails]:
        """See `ActivityReader.trails`."""
        blocks = await self._ask(lambda found: found.blocks(selection))
        for index in range(blocks):
            yield await self._block(selection, steps, all_events, (index, blocks))

    async def person_ids(self, project: int, persons: NDArray[np.uint64]) -> Sequence[str]:
        """See `ActivityReader.person_ids`."""
        return await self._ask(lambda found: found.person_ids(project, persons))

    async def person(self, project: int, distinct_id: str) -> PersonSummary:
        """See `ActivityReader.person`."""
        return await self._ask(lambda found: found.person(project, distinct_id))

    async def person_properties(self, project: int, distinct_id: str) -> Sequence[PersonProperty]:
        """See `ActivityReader.person_properties`."""
        return await self._ask(lambda found: found.person_properties(project, distinct_id))

    async def find_persons(self, project: int, prefix: str, limit: int) -> Sequence[FoundPerson]:
        """See `ActivityReader.find_persons`."""
        return await self._ask(lambda found: found.find_persons(project, prefix, limit))

    async def arrivals(self, project: int, after: int, limit: int) -> Sequence[StoredEvent]:
        """See `ActivityReader.arrivals`."""
        return await self._ask(lambda found: found.arrivals(project, after, limit))

    async def known_names(self, project: int) -> frozenset[str]:
        """See `ActivityReader.known_names`."""
        return await self._ask(lambda found: found.known_names(project))

    async def seen_names(self, project: int) -> Sequence[SeenName]:
        """See `ActivityReader.seen_names`."""
        return await self._ask(lambda found: found.seen_names(project))

    async def property_uses(self, selection: EventSelection, limit: int) -> Sequence[PropertyUse]:
        """See `ActivityReader.property_uses`."""
        return await self._ask(lambda found: found.property_uses(selection, limit))

    async def _block(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        all_events: bool,
        block: tuple[int, int],
    ) -> Trails:
        return await self._ask(lambda found: found.trails(selection, steps, all_events, block))

    async def _ask(self, question: Callable[[ActivityQueries], T]) -> T:
        answer: T = await self._read(question)
        return answer
