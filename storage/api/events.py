"""What the rest of Redshank may ask of the event store.

An event has a project, a name, a time, a person and properties. Times are Unix
milliseconds; ranges include their start and exclude their end. A *distinct id* is the
person as the client names it. After `identify`, the distinct ids of one person count as one
person, in earlier events too.

No SQL here: an engine implements these protocols, everyone else imports only this module.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.api.errors import StorageError
from storage.api.new_events import NewEvent, NewEvents, PersonMerge
from storage.api.reports.conditions import AllOf, EventFilter
from storage.api.reports.measures import Breakdown, EventMeasure, FirstValues, MeasuredSeries
from storage.api.visits.exclusions import ExclusionCounter
from storage.api.visits.sessions import SessionReader

FUTURE_TOLERANCE_MS = 10 * 60_000
"""An event whose time is further ahead than this when it arrives is kept apart."""


class EventQueryError(StorageError):
    """A query of events is invalid; the message names the field."""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of a batch.

    Attributes:
        stored: the number of new events.
        duplicates: positions in the batch of events that were stored before.
        future: positions in the batch of events that are kept apart, see
            `FUTURE_TOLERANCE_MS`.
    """

    stored: int
    duplicates: tuple[int, ...] = ()
    future: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EventStep:
    """A step of a funnel, or an event of a retention or path report.

    Attributes:
        name: the name of the event; None for any.
        where: a further condition.
    """

    name: str | None
    where: EventFilter | None = None


@dataclass(frozen=True, slots=True)
class EventSelection:
    """The events that a report is about.

    Attributes:
        project: the number of the project.
        start_ms, end_ms: the range of the events' times.
        names: the names of the events; None for all.
        distinct_ids: the persons; None for all.
        where: a further condition.
    """

    project: int
    start_ms: int
    end_ms: int
    names: tuple[str, ...] | None = None
    distinct_ids: tuple[str, ...] | None = None
    where: EventFilter | None = None

    def of(self, step: EventStep) -> "EventSelection":
        """Return those of the events that satisfy a step."""
        names = self.names if step.name is None else (step.name,)
        both = tuple(each for each in (self.where, step.where) if each is not None)
        return replace(self, names=names, where=AllOf(both) if len(both) > 1 else (*both, None)[0])


@dataclass(frozen=True, slots=True)
class EventTotals:
    """The number of events, of persons and of names."""

    events: int
    persons: int
    names: int


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events with one name, or one value of a property.

    Attributes:
        value: the name or value; None for events without the property.
        events: their number.
        persons: the number of their persons.
    """

    value: str | None
    events: int
    persons: int


@dataclass(frozen=True, slots=True)
class EventSeries:
    """Events by time.

    Attributes:
        value: the name or value that the events share; None if all are counted together.
        events: shape (N,), their number by bucket.
        persons: shape (N,), the number of their persons by bucket.
    """

    value: str | None
    events: NDArray[np.int64]
    persons: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PersonPart:
    """One of several equal parts of all persons, by their numbers; earlier parts are lower.

    Attributes:
        index: which part, from 0 on.
        count: the number of parts.
    """

    index: int
    count: int


WHOLE: Final = PersonPart(0, 1)


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Events that satisfy steps, ordered by person, then time, then arrival.

    Attributes:
        persons: uint64, shape (N,), an opaque number for each person.
        times_ms: int64, shape (N,).
        steps: unsigned, shape (N,), bit i is set if the event satisfies step i.
    """

    persons: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    steps: NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it was stored.

    Attributes:
        sequence: the number of its arrival; it grows.
        received_ms: when it arrived.
        is_future: whether it is kept apart because its time was in the future.
    """

    sequence: int
    name: str
    time_ms: int
    received_ms: int
    distinct_id: str
    properties: str
    is_future: bool = False


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """The numeric values of a property.

    Attributes:
        count: the number of events with a numeric value.
        total: their sum.
        mean, least, greatest: NaN without a value.
        percentiles: by quantile, as asked for; exact, interpolated linearly.
    """

    count: int
    total: float
    mean: float
    least: float
    greatest: float
    percentiles: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class SeenProperty:
    """A property in the latest events.

    Attributes:
        name: its name.
        types: its JSON types, such as "VARCHAR" or "DOUBLE".
        events: the number of the examined events that have it.
    """

    name: str
    types: tuple[str, ...]
    events: int


@dataclass(frozen=True, slots=True)
class ProjectVolume:
    """How much one project has received.

    Attributes:
        events, requests: the numbers of events and of tracked requests.
        latest_ms: the latest time of them.
    """

    events: int
    requests: int
    latest_ms: int


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
    ) -> Sequence[Occurrences]:
        """Return the events that satisfy one of up to 63 steps, in one or two groups of persons."""

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
