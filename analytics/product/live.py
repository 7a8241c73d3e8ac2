"""The live view: the events of a project as they arrive."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.api.activity import ActivityReader
from storage.api.events import StoredEvent
from storage.api.projects import Project

MOST_LIVE_EVENTS: Final = 500


@dataclass(frozen=True, slots=True)
class LiveEvents:
    """The events that have arrived since a cursor.

    Attributes:
        events: the newest first.
        cursor: the cursor of the next call.
        has_gap: whether more events arrived than were returned.
    """

    events: Sequence[StoredEvent]
    cursor: int
    has_gap: bool


class Arrivals:
    """Wakes those who wait for the next events of a project.

    Projects that nobody watches cost nothing.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Event] = {}

    def announce(self, project_key: str) -> None:
        """Wake everybody who waits for the project's next events."""
        if (waiting := self._waiting.pop(project_key, None)) is not None:
            waiting.set()

    def following(self, project_key: str) -> asyncio.Event:
        """Return an event that is set when the project's next events have been stored."""
        return self._waiting.setdefault(project_key, asyncio.Event())


class LiveView:
    """Returns the newest events."""

    def __init__(self, activity: ActivityReader) -> None:
        self._activity = activity

    async def newest(
        self, project: Project, cursor: int | None = None, limit: int = 100
    ) -> LiveEvents:
        """Return the newest events, in the order of their arrival.

        Args:
            project: the project.
            cursor: only events that arrived after it; None for the newest of all.
            limit: the most events, up to `MOST_LIVE_EVENTS`.
        """
        limit = min(limit, MOST_LIVE_EVENTS)
        after = -1 if cursor is None else cursor
        found = await self._activity.arrivals(project.id, after, limit + 1)
        events = found[:limit]
        latest = events[0].sequence if events else after
        return LiveEvents(events, latest, cursor is not None and len(found) > limit)
