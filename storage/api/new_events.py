"""Events to be stored, one by one or as columns, and persons to be merged."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored.

    Attributes:
        event_id: the client's id; a second event with it in the same project changes nothing.
        name: the name of the event.
        time_ms: when it happened, by the client's clock.
        distinct_id: the person, as the client names it.
        properties: a JSON object, as text.
    """

    event_id: str
    name: str
    time_ms: int
    distinct_id: str
    properties: str = "{}"


@dataclass(frozen=True, slots=True)
class PersonMerge:
    """A declaration that two distinct ids are one person.

    It is refused if other distinct ids have been merged into the alias: then the alias is a
    user, and two users who share a device must not become one person.

    Attributes:
        alias: an id that a device or another program uses.
        distinct_id: the id that the alias is merged into: that of a user.
        is_forced: whether two users are merged too.
    """

    alias: str
    distinct_id: str
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events to be stored as columns of equal length: an object for each would take longer.

    Attributes:
        event_ids, names, distinct_ids, properties: as in `NewEvent`.
        times_ms: int64.
        are_exported: whether the ids may be those of `ExportedEvent`.
    """

    event_ids: Sequence[str]
    names: Sequence[str]
    times_ms: NDArray[np.int64]
    distinct_ids: Sequence[str]
    properties: Sequence[str]
    are_exported: bool = False

    @classmethod
    def of(cls, events: Iterable[NewEvent]) -> "NewEvents":
        """Return events as columns."""
        found = list(events)
        return cls(
            [event.event_id for event in found],
            [event.name for event in found],
            np.array([event.time_ms for event in found], np.int64),
            [event.distinct_id for event in found],
            [event.properties for event in found],
        )

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[NewEvent]:
        for event_id, name, time_ms, distinct_id, properties in zip(
            self.event_ids,
            self.names,
            self.times_ms.tolist(),
            self.distinct_ids,
            self.properties,
            strict=True,
        ):
            yield NewEvent(event_id, name, time_ms, distinct_id, properties)
