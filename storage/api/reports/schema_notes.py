"""Notes of a project's editors on its event names and properties."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class NoteKind(StrEnum):
    """The subject of a note."""

    EVENT = "event"
    PROPERTY = "property"


@dataclass(frozen=True, slots=True)
class SchemaNote:
    """The description of an event name or property.

    Attributes:
        kind, name: what it describes.
        description: what the event or property means; may be empty.
        is_hidden: whether lists leave the name out.
        author: the name of who changed the note last; empty if nobody was logged in.
        changed_ms: when it was changed last.
    """

    kind: NoteKind
    name: str
    description: str
    is_hidden: bool
    author: str = ""
    changed_ms: int = 0


@dataclass(frozen=True, slots=True)
class SchemaNoteChange:
    """A change of one note; None keeps what is stored."""

    kind: NoteKind
    name: str
    description: str | None = None
    is_hidden: bool | None = None


class SchemaNoteRecords(Protocol):
    """The notes of all projects."""

    async def of_project(self, project_id: int) -> Sequence[SchemaNote]:
        """Return the notes of a project, by kind and name."""

    async def change(
        self, project_id: int, changes: Sequence[SchemaNoteChange], author: str, now_ms: int
    ) -> None:
        """Apply changes together; a note that says nothing any more is deleted.

        Raises:
            NotFoundError: no project has this id.
        """
