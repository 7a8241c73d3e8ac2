"""The schema of a project: the event names and properties that have been seen."""

from collections.abc import Sequence
from typing import Final

from model.clock import Clock
from storage.api.activity import ActivityReader, PropertyUse, SeenName
from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection
from storage.api.projects import Project

MOST_PROPERTIES: Final = 1_000
_EARLIEST_MS: Final = -(2**62)


class SchemaReports:
    """Lists what a project has received."""

    def __init__(self, activity: ActivityReader, clock: Clock) -> None:
        self._activity, self._clock = activity, clock

    async def names(self, project: Project) -> Sequence[SeenName]:
        """Return the event names, the most frequent first."""
        return await self._activity.seen_names(project.id)

    async def properties(
        self, project: Project, name: str | None = None, start_ms: int | None = None
    ) -> Sequence[PropertyUse]:
        """Return the properties of a project's events, the most frequent first.

        Args:
            project: the project.
            name: of events with this name only.
            start_ms: of events from this time on only.
        """
        selection = EventSelection(
            project.id,
            _EARLIEST_MS if start_ms is None else start_ms,
            self._clock() + FUTURE_TOLERANCE_MS,
            None if name is None else (name,),
        )
        return await self._activity.property_uses(selection, MOST_PROPERTIES)
