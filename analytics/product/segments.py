"""Segments: named groups of persons, which every report's filters may name."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from analytics.errors import ReportError
from analytics.product.conditions import (
    SegmentLookup,
    mentions_segment,
    parse_filters,
    parse_segment,
)
from analytics.statistics.calendar import zone_of
from model.clock import Clock
from storage.api.projects import Project
from storage.api.reports.conditions import EventFilter
from storage.api.reports.saved_reports import PersonSegment, SegmentRecords

MOST_SEGMENTS: Final = 500
LARGEST_DEFINITION_BYTES: Final = 64 * 1024


class Segments:
    """The segments of all projects."""

    def __init__(self, records: SegmentRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock

    async def all(self, project: Project) -> Sequence[PersonSegment]:
        """Return the segments of a project, by name."""
        return await self._records.of_project(project.id)

    async def create(self, project: Project, name: str, definition: Any) -> PersonSegment:
        """Create a segment.

        Raises:
            ReportError: the definition is invalid, or there are too many segments.
            TakenError: another segment of the project has the name.
        """
        encoded = self._encoded(project, definition)
        if len(await self.all(project)) >= MOST_SEGMENTS:
            raise ReportError(f"the project has {MOST_SEGMENTS} segments; delete one", "name")
        return await self._records.add(project.id, name, encoded, self._clock())

    async def change(
        self, project: Project, segment_id: int, name: str, definition: Any
    ) -> PersonSegment:
        """Replace name and definition; saved reports find a segment by its name.

        Raises:
            ReportError: the definition is invalid.
            NotFoundError: the project has no such segment.
            TakenError: another segment of the project has the name.
        """
        encoded = self._encoded(project, definition)
        return await self._records.change(project.id, segment_id, name, encoded, self._clock())

    async def remove(self, project: Project, segment_id: int) -> None:
        """Delete a segment; reports that name it are refused from then on.

        Raises:
            NotFoundError: the project has no such segment.
        """
        await self._records.remove(project.id, segment_id)

    async def lookup(self, project: Project, *filters: Any) -> SegmentLookup:
        """Return a lookup for segments that filters may name; without any, nothing is read."""
        if not any(mentions_segment(each) for each in filters):
            return _nothing
        zone, now_ms = zone_of(project.settings.time_zone), self._clock()
        definitions = {each.name: each.definition for each in await self.all(project)}

        def find(name: str) -> EventFilter | None:
            definition = definitions.get(name)
            if definition is None:
                return None
            return parse_segment(orjson.loads(definition), zone, now_ms, f"segment {name!r}")

        return find

    async def parse(
        self, project: Project, filters: Any, field: str = "filters"
    ) -> EventFilter | None:
        """Return the condition that a filter in JSON means.

        Raises:
            ReportError: it is invalid, or names a segment that the project does not have.
        """
        return parse_filters(filters, await self.lookup(project, filters), field)

    def _encoded(self, project: Project, definition: Any) -> str:
        parse_segment(definition, zone_of(project.settings.time_zone), self._clock())
        encoded = orjson.dumps(definition)
        if len(encoded) > LARGEST_DEFINITION_BYTES:
            raise ReportError(f"is larger than {LARGEST_DEFINITION_BYTES} bytes", "definition")
        return encoded.decode()


def _nothing(name: str) -> None:
    """No filter names a segment."""
