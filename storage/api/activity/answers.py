"""The answers about persons over time.

A *person* is an opaque number here, one for all merged distinct ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Presences:
    """The persons of each bucket of time, one row for each person and bucket.

    Attributes:
        persons: uint64, shape (N,).
        buckets: int64, shape (N,), the index of the bucket.
        starts: bool, shape (N,), whether the person has a start event in the bucket.
        returns: bool, shape (N,), whether the person has a return event in the bucket.
        returns_later: bool, shape (N,), whether a return event of the bucket comes after a
            start event of the bucket; events at the same time count in the order of their
            arrival, and no event comes after itself.
    """

    persons: NDArray[np.uint64]
    buckets: NDArray[np.int64]
    starts: NDArray[np.bool_]
    returns: NDArray[np.bool_]
    returns_later: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trails:
    """All selected events of some persons, ordered by person, then time, then arrival.

    Attributes:
        persons: uint64, shape (N,).
        times_ms: int64, shape (N,).
        steps: uint64, shape (N,), bit i is set if the event satisfies step i.
        names: int64, shape (N,), for each event the index of its name in `labels`.
        labels: the names; a later block of the same answer may have further ones at the end.
    """

    persons: NDArray[np.uint64]
    times_ms: NDArray[np.int64]
    steps: NDArray[np.uint64]
    names: NDArray[np.int64]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class SeenName:
    """An event name with the number of its events and the times of the first and the last."""

    name: str
    events: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """A person's events in figures.

    Attributes:
        distinct_id: the id by which the person is shown.
        distinct_ids: the merged ids that have events, and the id asked for; sorted.
        events: the number of events.
        first_ms, last_ms: the times of the first and the last event; None without one.
        names: the event names, the most frequent first.
    """

    distinct_id: str
    distinct_ids: Sequence[str]
    events: int
    first_ms: int | None
    last_ms: int | None
    names: Sequence[SeenName]


@dataclass(frozen=True, slots=True)
class PersonProperty:
    """A property that events have set for a person.

    Attributes:
        name: its name.
        value: its value, JSON as text.
        time_ms: the time of the event that set it.
    """

    name: str
    value: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person whose id begins with a search text.

    Attributes:
        distinct_id: the id that was found.
        events: the number of events with this id.
        first_ms, last_ms: the times of the first and the last of them.
    """

    distinct_id: str
    events: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class PropertyUse:
    """A property of a project's events.

    Attributes:
        name: its name.
        types: its JSON types: "string", "number", "boolean", "object", "array" and "null".
        events: the number of events that have it.
        first_ms, last_ms: the times of the first and the last of them.
    """

    name: str
    types: tuple[str, ...]
    events: int
    first_ms: int
    last_ms: int
