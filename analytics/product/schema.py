"""The schema of a project: the event names and properties that have been seen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from analytics.errors import ReportError
from model.clock import Clock
from storage.api.activity import ActivityReader, PropertyUse, SeenName
from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection
from storage.api.projects import Project
from storage.api.reports.schema_notes import (
    NoteKind,
    SchemaNote,
    SchemaNoteChange,
    SchemaNoteRecords,
)

MOST_PROPERTIES: Final = 1_000
MOST_NOTES: Final = 10_000
_EARLIEST_MS: Final = -(2**62)

Seen = TypeVar("Seen", SeenName, PropertyUse)


@dataclass(frozen=True, slots=True)
class Described(Generic[Seen]):
    """An event name or property that has been seen, and what editors say of it."""

    seen: Seen
    description: str = ""
    is_hidden: bool = False


class SchemaReports:
    """Lists what a project has received, and keeps the descriptions."""

    def __init__(self, activity: ActivityReader, notes: SchemaNoteRecords, clock: Clock) -> None:
        self._activity, self._notes, self._clock = activity, notes, clock

    async def names(
        self, project: Project, *, with_hidden: bool = False
    ) -> Sequence[Described[SeenName]]:
        """Return the event names, the most frequent first; hidden ones on request."""
        seen = await self._activity.seen_names(project.id)
        return _described(seen, await self.notes(project), NoteKind.EVENT, with_hidden)

    async def properties(
        self,
        project: Project,
        name: str | None = None,
        start_ms: int | None = None,
        *,
        with_hidden: bool = False,
    ) -> Sequence[Described[PropertyUse]]:
        """Return the properties of a project's events, the most frequent first.

        Args:
            project: the project.
            name: of events with this name only.
            start_ms: of events from this time on only.
            with_hidden: also those that editors have hidden.
        """
        selection = EventSelection(
            project.id,
            _EARLIEST_MS if start_ms is None else start_ms,
            self._clock() + FUTURE_TOLERANCE_MS,
            None if name is None else (name,),
        )
        seen = await self._activity.property_uses(selection, MOST_PROPERTIES)
        return _described(seen, await self.notes(project), NoteKind.PROPERTY, with_hidden)

    async def notes(self, project: Project) -> Sequence[SchemaNote]:
        """Return all descriptions, also of names that no event has had yet."""
        return await self._notes.of_project(project.id)

    async def describe(
        self, project: Project, changes: Sequence[SchemaNoteChange], author: str
    ) -> None:
        """Apply changes of descriptions together.

        Raises:
            ReportError: the project would have too many.
        """
        known = {(each.kind, each.name) for each in await self.notes(project)}
        if len(known | {(each.kind, each.name) for each in changes}) > MOST_NOTES:
            raise ReportError(f"the project may describe {MOST_NOTES} names; clear some", "name")
        await self._notes.change(project.id, changes, author, self._clock())


def _described(
    seen: Iterable[Seen], notes: Iterable[SchemaNote], kind: NoteKind, with_hidden: bool
) -> list[Described[Seen]]:
    found = {each.name: each for each in notes if each.kind is kind}
    described = []
    for each in seen:
        note = found.get(each.name)
        if note is None:
            described.append(Described(each))
        elif with_hidden or not note.is_hidden:
            described.append(Described(each, note.description, note.is_hidden))
    return described
