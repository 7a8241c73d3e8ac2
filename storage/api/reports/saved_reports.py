"""Saved reports and segments of projects: definitions in JSON under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SavedReport:
    """A report that is asked again.

    Attributes:
        id: its number; it is never given to another report.
        name: shown to people.
        kind: which report it is, such as "funnel".
        definition: the question, a JSON object as text.
        author: the name of who changed it last; empty if nobody was logged in.
        created_ms, changed_ms: when it was created, and changed last.
    """

    id: int
    project_id: int
    name: str
    kind: str
    definition: str
    author: str
    created_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True)
class PersonSegment:
    """A named group of persons, by what they did and which properties they have.

    Attributes:
        id: its number; it is never given to another segment.
        name: what reports call it; each name occurs once in a project.
        definition: the condition, JSON as text.
        created_ms, changed_ms: when it was created, and changed last.
    """

    id: int
    project_id: int
    name: str
    definition: str
    created_ms: int
    changed_ms: int


class SavedReportRecords(Protocol):
    """The saved reports of all projects."""

    async def add(
        self, project_id: int, name: str, kind: str, definition: str, author: str, now_ms: int
    ) -> SavedReport:
        """Save a report.

        Raises:
            NotFoundError: no project has this id.
        """

    async def of_project(self, project_id: int) -> Sequence[SavedReport]:
        """Return the reports of a project, by name."""

    async def find(self, project_id: int, report_id: int) -> SavedReport | None:
        """Return a report of a project, None if it has no such report."""

    async def change(
        self, project_id: int, report_id: int, name: str, definition: str, author: str, now_ms: int
    ) -> SavedReport:
        """Replace name and definition of a report; the kind stays.

        Raises:
            NotFoundError: the project has no such report.
        """

    async def remove(self, project_id: int, report_id: int) -> None:
        """Delete a report.

        Raises:
            NotFoundError: the project has no such report.
        """


class SegmentRecords(Protocol):
    """The segments of all projects."""

    async def add(self, project_id: int, name: str, definition: str, now_ms: int) -> PersonSegment:
        """Create a segment.

        Raises:
            NotFoundError: no project has this id.
            TakenError: another segment of the project has the name.
        """

    async def of_project(self, project_id: int) -> Sequence[PersonSegment]:
        """Return the segments of a project, by name."""

    async def change(
        self, project_id: int, segment_id: int, name: str, definition: str, now_ms: int
    ) -> PersonSegment:
        """Replace name and definition of a segment.

        Raises:
            NotFoundError: the project has no such segment.
            TakenError: another segment of the project has the name.
        """

    async def remove(self, project_id: int, segment_id: int) -> None:
        """Delete a segment.

        Raises:
            NotFoundError: the project has no such segment.
        """
