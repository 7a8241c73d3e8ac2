"""Questions to the event store about persons over time.

Ranges, steps and times are those of `storage.api.events`.
"""

from storage.api.activity.answers import (
    FoundPerson,
    PersonProperty,
    PersonSummary,
    Presences,
    PropertyUse,
    SeenName,
    Trails,
)
from storage.api.activity.reader import ActivityReader
from storage.api.activity.transfer import EventTransfer, ExportedEvent

__all__ = [
    "ActivityReader",
    "EventTransfer",
    "ExportedEvent",
    "FoundPerson",
    "PersonProperty",
    "PersonSummary",
    "Presences",
    "PropertyUse",
    "SeenName",
    "Trails",
]
