"""Events: which of them a question is about, and the parts of the answers.

An event has a project, a name, a time, a person and properties. Times are Unix
milliseconds; ranges include their start and exclude their end. A *distinct id* is the
person as the client names it. After `identify`, the distinct ids of one person count as one
person, in earlier events too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.errors import StorageError
from storage.api.reports.conditions import AllOf, EventFilter

FUTURE_TOLERANCE_MS = 10 * 60_000
"""An event whose time is further ahead than this when it arrives is kept apart."""


class EventQueryError(StorageError):
    """A query of events is invalid; the message names the field."""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """The outcome of an appended batch.

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
