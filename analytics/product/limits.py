"""Bounds of what a project's events may make the server keep.

A project's key is public: without bounds, anybody could fill the schema with names.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np
import orjson

from analytics.product.ingestion import ItemError, ParsedBatch
from model.limits import LimitName, Refusals
from storage.api.activity import ActivityReader
from storage.api.new_events import NewEvents
from storage.api.projects import Project

_LEAST_BYTES: Final = 5
"""A property takes at least this much of the text: `"":1,`."""


class EventLimits:
    """Refuses items of batches beyond the limits, each with its index and field."""

    def __init__(
        self, activity: ActivityReader, names: int, properties: int, refusals: Refusals
    ) -> None:
        """Set up.

        Args:
            activity: knows the names of each project.
            names: the most event names of a project.
            properties: the most properties of an event.
            refusals: counts what is refused.
        """
        self._activity, self._refusals = activity, refusals
        self._most_names, self._most_properties = names, properties
        self._names: dict[int, set[str]] = {}

    async def restricted(self, project: Project, parsed: ParsedBatch) -> ParsedBatch:
        """Return a batch without the items beyond a limit, which are among its errors."""
        wide = self._too_wide(parsed.events)
        extra = await self._beyond(project, parsed.events.names)
        if not wide and not extra:
            return parsed
        errors = list(parsed.errors)
        keep = []
        for position, (index, name) in enumerate(
            zip(parsed.indexes, parsed.events.names, strict=True)
        ):
            if position in wide:
                reason = (
                    f"has more than {self._most_properties} properties (analytics.event_properties)"
                )
                errors.append(ItemError(index, "properties", reason))
            elif name in extra:
                reason = (
                    f"is new, and the project has {self._most_names} event names"
                    " (analytics.event_names)"
                )
                errors.append(ItemError(index, "eventName", reason))
            keep.append(position not in wide and name not in extra)
        self._refusals.count(LimitName.EVENT_PROPERTIES, len(wide))
        self._refusals.count(LimitName.EVENT_NAMES, keep.count(False) - len(wide))
        return ParsedBatch(
            _chosen(parsed.events, keep),
            list(compress(parsed.indexes, keep)),
            sorted(errors, key=lambda error: error.index),
            parsed.identities,
        )

    def _too_wide(self, events: NewEvents) -> frozenset[int]:
        """Return the positions of events with too many properties."""
        most = self._most_properties
        if max(map(len, events.properties), default=0) <= most * _LEAST_BYTES:
            return frozenset()
        return frozenset(
            position
            for position, text in enumerate(events.properties)
            if len(text) > most * _LEAST_BYTES
            and text.count('":') > most
            and len(orjson.loads(text)) > most
        )

    async def _beyond(self, project: Project, names: Sequence[str]) -> frozenset[str]:
        """Return those of the names for which the project has no room; take the others in."""
        known = self._names.get(project.id)
        if known is not None and known.issuperset(names):
            return frozenset()
        if known is None or len(known.union(names)) > self._most_names:
            # Names whose events have expired make room.
            known = set(await self._activity.known_names(project.id))
            self._names[project.id] = known
        new = [name for name in dict.fromkeys(names) if name not in known]
        room = max(0, self._most_names - len(known))
        known.update(new[:room])
        return frozenset(new[room:])


def _chosen(events: NewEvents, keep: Sequence[bool]) -> NewEvents:
    return NewEvents(
        list(compress(events.event_ids, keep)),
        list(compress(events.names, keep)),
        events.times_ms[np.array(keep, np.bool_)],
        list(compress(events.distinct_ids, keep)),
        list(compress(events.properties, keep)),
    )
