"""The event store: what it stores, answers and deletes.

No SQL here: an engine implements these protocols, everyone else imports only this module
and the types of `storage.api.events`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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
from storage.api.visits.exclusions import ExclusionCounter
from storage.api.visits.sessions import SessionReader


class EventAppender(Protocol):
    """Stores events."""

    async def append(
        self, project: int, events: NewEvents | Sequence[NewEvent], received_ms: int
    ) -> AppendResult:
        """Store a batch; the result comes after the commit has been synced to disk.

        Events of other batches that arrive meanwhile share the commit.

        Raises:
            StorageError: nothing of the batch was stored.
        """

    async def identify(self, project: int, merges: Sequence[PersonMerge]) -> int:
        """Merge persons, from their first event on; return how many merges were refused."""


class EventReader(Protocol):
    """Answers reports. Events that are kept apart are in none of them."""

    async def count(self, selection: EventSelection) -> int:
        """Count events."""

    async def estimate(self, selection: EventSelection) -> int:
        """Return about how many events are in the selection; cheaper than to count many."""

    async def totals(self, selection: EventSelection) -> EventTotals:
        """Count events, persons and names."""

    async def groups(
        self, selection: EventSelection, limit: int, by: str | None = None
    ) -> Sequence[EventGroup]:
        """Return the largest groups of events, by number and then by value.

        Args:
            selection: the events.
            limit: the most groups.
            by: a property; None for the name.
        """

    async def series(self, selection: EventSelection, edges_ms: NDArray[np.int64]) -> EventSeries:
        """Count by time.

        Args:
            selection: the events; its range must lie within the edges.
            edges_ms: shape (N + 1,), ascending.
        """

    async def series_by_name(
        self, selection: EventSelection, edges_ms: NDArray[np.int64]
    ) -> Sequence[EventSeries]:
        """Count by time for each of the selection's names, in their order.

        Raises:
            EventQueryError: the selection has no names.
        """

    async def occurrences(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        part: PersonPart = WHOLE,
    ) -> Occurrences:
        """Return the events of some persons that satisfy one of up to 63 steps."""

    async def measured(
        self,
        selection: EventSelection,
        edges_ms: NDArray[np.int64],
        measure: EventMeasure,
        of: str | None = None,
        breakdown: Breakdown | None = None,
    ) -> Sequence[MeasuredSeries]:
        """Measure by time; with a breakdown, for each of its values, then for all others.

        Measures of persons give each person one value, the first of the selection, so that
        the parts add up to the whole. Without events of other values there is no series
        for them.

        Args:
            selection: the events; its range must lie within the edges.
            edges_ms: shape (N + 1,), ascending.
            measure: what is measured.
            of: the numeric property that is measured.
            breakdown: a division of the events.

        Raises:
            EventQueryError: the measure needs a property.
        """

    async def first_values(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        by: str,
        part: PersonPart = WHOLE,
    ) -> FirstValues:
        """Return each person's first value of a property in events that satisfy a step."""

    async def persons_named(self, project: int, persons: Sequence[int]) -> Mapping[int, str]:
        """Return a distinct id for each of the numbers of `Occurrences.persons`.

        It is the one that the others have been merged into, if an event has it.
        """

    async def numbers(
        self, selection: EventSelection, by: str, quantiles: Sequence[float]
    ) -> NumberSummary:
        """Summarise the numeric values of the property `by`."""

    async def latest(
        self, selection: EventSelection, limit: int, before: tuple[int, int] | None = None
    ) -> Sequence[StoredEvent]:
        """Return events, the newest first.

        Args:
            selection: the events.
            limit: the most events.
            before: time and sequence of the last event of the page before.
        """

    async def future(self, project: int, limit: int) -> tuple[int, Sequence[StoredEvent]]:
        """Return the number of events that are kept apart, and the newest of them."""

    async def names(self, project: int) -> Sequence[tuple[str, int, int, int]]:
        """Return each event name with its number of events and its first and last time."""

    async def volumes(self, start_ms: int) -> Mapping[int, ProjectVolume]:
        """Return the volume since a time by project; a project without any is missing.

        A store without a file is not created.
        """

    async def properties(self, project: int, name: str | None) -> Sequence[SeenProperty]:
        """Return the properties of the latest events, the most frequent first."""

    async def distinct_ids(self, project: int, distinct_id: str) -> Sequence[str]:
        """Return all distinct ids of a person, this one included, sorted."""

    def export(self, selection: EventSelection) -> AsyncIterator[Sequence[StoredEvent]]:
        """Iterate over events in the order of their arrival, in blocks."""


class EventAdministration(Protocol):
    """Deletes events."""

    async def erase_person(self, project: int, distinct_id: str) -> int:
        """Delete a person's events and identities; return the number of events."""

    async def delete_before(self, project: int, time_ms: int) -> int:
        """Delete the events before a time; return their number."""

    async def compact(self) -> int:
        """Give free space back to the file system if there is much; return the bytes.

        Raises:
            StorageError: the disk refuses it; nothing has changed.
        """

    async def delete_project(self, project: int) -> None:
        """Delete all events of a project."""

    async def check(self) -> None:
        """Return if the store answers; a store without a file is not created.

        Raises:
            StorageError: it does not answer.
        """


class EventStore(
    EventAppender, EventReader, EventAdministration, ExclusionCounter, SessionReader, Protocol
):
    """The whole event store."""
