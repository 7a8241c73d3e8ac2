"""Persons: who they are, what they did, and who has an id that begins with a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from storage.api.activity import ActivityReader, FoundPerson, PersonSummary, SeenName
from storage.api.event_store import EventReader
from storage.api.events import EventSelection, StoredEvent
from storage.api.projects import Project

MOST_PERSONS: Final = 100
MOST_EVENTS: Final = 1_000
_EXAMINED_EVENTS: Final = 1_000
_SET: Final = ("$set", "$set_once", "$unset")
"""Properties of events that are about the person; their contents are the person's own."""
_EVER: Final = (-(2**62), 2**62)


@dataclass(frozen=True, slots=True)
class LatestProperty:
    """The value of a property of a person, or the latest one of the person's events.

    Attributes:
        name: its name.
        value: its value, as JSON has it.
        time_ms: the time of the event that has it.
    """

    name: str
    value: Any
    time_ms: int


@dataclass(frozen=True, slots=True)
class PersonProfile:
    """A person.

    Attributes:
        summary: ids, counts, first and last event.
        own: the properties that events have set for the person, by name.
        properties: those of the latest thousand events, by name, each with its latest value.
    """

    summary: PersonSummary
    own: Sequence[LatestProperty]
    properties: Sequence[LatestProperty]

    @property
    def names(self) -> Sequence[SeenName]:
        """The names of the events, the most frequent first."""
        return self.summary.names


@dataclass(frozen=True, slots=True)
class PersonTimeline:
    """A page of a person's events.

    Attributes:
        events: the newest first.
        following: the cursor of the next page, None on the last one.
    """

    events: Sequence[StoredEvent]
    following: tuple[int, int] | None


class PersonReports:
    """Answers questions about single persons."""

    def __init__(self, events: EventReader, activity: ActivityReader) -> None:
        self._events, self._activity = events, activity

    async def find(self, project: Project, prefix: str, limit: int = 20) -> Sequence[FoundPerson]:
        """Return ids that begin with a text, the one with the latest event first."""
        return await self._activity.find_persons(project.id, prefix, min(limit, MOST_PERSONS))

    async def profile(self, project: Project, distinct_id: str) -> PersonProfile | None:
        """Return a person by any of the merged ids, None without an event."""
        summary = await self._activity.person(project.id, distinct_id)
        if not summary.events:
            return None
        latest = await self._events.latest(self._selection(project, distinct_id), _EXAMINED_EVENTS)
        found: dict[str, LatestProperty] = {}
        for event in latest:
            for name, value in orjson.loads(event.properties).items():
                if value is not None and name not in found and name not in _SET:
                    found[name] = LatestProperty(name, value, event.time_ms)
        own = [
            LatestProperty(each.name, orjson.loads(each.value), each.time_ms)
            for each in await self._activity.person_properties(project.id, distinct_id)
        ]
        return PersonProfile(summary, own, [found[name] for name in sorted(found)])

    async def timeline(
        self,
        project: Project,
        distinct_id: str,
        limit: int = 100,
        before: tuple[int, int] | None = None,
        names: Sequence[str] | None = None,
    ) -> PersonTimeline:
        """Return events of a person, the newest first.

        Args:
            project: the project.
            distinct_id: any of the person's ids.
            limit: the most events, up to `MOST_EVENTS`.
            before: the cursor of the page.
            names: only events with these names.
        """
        selection = self._selection(project, distinct_id, names)
        limit = min(limit, MOST_EVENTS)
        events = await self._events.latest(selection, limit + 1, before)
        page = events[:limit]
        is_last = len(events) <= limit
        following = None if is_last else (page[-1].time_ms, page[-1].sequence)
        return PersonTimeline(page, following)

    def _selection(
        self, project: Project, distinct_id: str, names: Sequence[str] | None = None
    ) -> EventSelection:
        chosen = None if names is None else tuple(names)
        return EventSelection(project.id, *_EVER, names=chosen, distinct_ids=(distinct_id,))
