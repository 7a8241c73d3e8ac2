"""Sessions: events of one person without a long pause."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.api.events import EventSelection


@dataclass(frozen=True, slots=True)
class SessionGroup:
    """Sessions that share an entry page, an exit page or a source.

    Attributes:
        value: the page or source; None for sessions without one.
        sessions: their number.
        bounces: the number of those with a single activity.
    """

    value: str | None
    sessions: int
    bounces: int


@dataclass(frozen=True, slots=True)
class SessionSeries:
    """Sessions by the bucket in which they began.

    Attributes:
        sessions, persons, bounces: shape (N,), their numbers by bucket.
        last_ms: shape (N,), the time of the last event of a bucket's sessions; -1 without one.
    """

    sessions: NDArray[np.int64]
    persons: NDArray[np.int64]
    bounces: NDArray[np.int64]
    last_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """The sessions that began in a range.

    Attributes:
        sessions, persons: their number, and that of their persons.
        bounces: the sessions with a single activity.
        events: the number of their events.
        timed: the sessions with more than one event; the others have no known duration.
        median_s: the median duration of these; None without one.
        last_ms: the time of the last of their events; None without one.
        entries, exits, sources: the largest groups by entry page, exit page and referring
            domain of the entry.
        series: the sessions by time; None unless edges were given.
    """

    sessions: int
    persons: int
    bounces: int
    events: int
    timed: int
    median_s: float | None
    last_ms: int | None
    entries: Sequence[SessionGroup]
    exits: Sequence[SessionGroup]
    sources: Sequence[SessionGroup]
    series: SessionSeries | None = None


class SessionReader(Protocol):
    """Finds sessions."""

    async def sessions(
        self,
        selection: EventSelection,
        idle_ms: int,
        until_ms: int,
        limit: int,
        edges_ms: NDArray[np.int64] | None = None,
    ) -> SessionFigures:
        """Return the figures of the sessions that begin in the range of a selection.

        A selection with a condition, names or persons selects the sessions in which at
        least one event fulfils it; their other events count as well.

        Args:
            selection: the range, and what a session must contain.
            idle_ms: the pause that ends a session.
            until_ms: where reading ends; sessions may go on after the end of the range.
            limit: the most groups of each kind.
            edges_ms: shape (N + 1,), ascending, the edges of the buckets of the series; they
                cover the range.
        """
