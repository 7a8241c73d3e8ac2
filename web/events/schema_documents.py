"""The schema of a project as JSON."""

from typing_extensions import TypedDict

from analytics.product.schema import Described
from storage.api.activity import PropertyUse, SeenName
from web.events.activity_documents import SeenNameDocument, seen_name_document
from web.projects.times import iso


class SchemaEventDocument(SeenNameDocument):
    """An event name with its volume and its description."""

    description: str
    hidden: bool


class PropertyDocument(TypedDict):
    """A property with its JSON types, its volume and its description."""

    name: str
    types: list[str]
    count: int
    firstSeen: str
    lastSeen: str
    description: str
    hidden: bool


class SchemaDocument(TypedDict):
    """The event names and properties of a project."""

    events: list[SchemaEventDocument]
    properties: list[PropertyDocument]


def schema_event_document(found: Described[SeenName]) -> SchemaEventDocument:
    """Return an event name."""
    return SchemaEventDocument(
        **seen_name_document(found.seen), description=found.description, hidden=found.is_hidden
    )


def property_document(found: Described[PropertyUse]) -> PropertyDocument:
    """Return a property."""
    use = found.seen
    return PropertyDocument(
        name=use.name,
        types=list(use.types),
        count=use.events,
        firstSeen=iso(use.first_ms),
        lastSeen=iso(use.last_ms),
        description=found.description,
        hidden=found.is_hidden,
    )
