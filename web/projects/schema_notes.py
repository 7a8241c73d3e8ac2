"""Descriptions of event names and properties, as JSON and as forms."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints
from typing_extensions import TypedDict

from analytics.product.definitions import PropertyName
from model.base_models import DeferredModel
from storage.api.reports.schema_notes import NoteKind, SchemaNote, SchemaNoteChange

Description = Annotated[str, StringConstraints(max_length=1_000, strip_whitespace=True)]


class SchemaNoteDocument(TypedDict):
    """The note of the editors on one event name or property."""

    name: str
    description: str
    hidden: bool


class SchemaNotesDocument(TypedDict):
    """The descriptions of a project; a body of `PATCH .../schema` as well."""

    events: list[SchemaNoteDocument]
    properties: list[SchemaNoteDocument]


class SchemaNoteForm(DeferredModel):
    """A change of one description; what it leaves out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: PropertyName
    description: Description | None = None
    hidden: bool | None = None

    def change(self, kind: NoteKind) -> SchemaNoteChange:
        """Return the change for the records."""
        return SchemaNoteChange(kind, self.name, self.description, self.hidden)


class SchemaNotesForm(DeferredModel):
    """Changes of descriptions; names that it leaves out stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: list[SchemaNoteForm] = Field(default_factory=list, max_length=10_000)
    properties: list[SchemaNoteForm] = Field(default_factory=list, max_length=10_000)

    def changes(self) -> list[SchemaNoteChange]:
        """Return the changes for the records."""
        of_events = [each.change(NoteKind.EVENT) for each in self.events]
        return of_events + [each.change(NoteKind.PROPERTY) for each in self.properties]


class SchemaNoteFields(DeferredModel):
    """The form of the schema page."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: NoteKind
    name: PropertyName
    description: Description = ""
    hidden: bool = False

    def change(self) -> SchemaNoteChange:
        """Return the change for the records."""
        return SchemaNoteChange(self.kind, self.name, self.description, self.hidden)


def schema_notes_document(notes: Iterable[SchemaNote]) -> SchemaNotesDocument:
    """Return the descriptions of a project."""
    document = SchemaNotesDocument(events=[], properties=[])
    for each in notes:
        found = document["events" if each.kind is NoteKind.EVENT else "properties"]
        found.append(
            SchemaNoteDocument(name=each.name, description=each.description, hidden=each.is_hidden)
        )
    return document
