"""Export of a project's events, and what an import needs."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from storage.api.events import EventSelection


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """An event with all that an import needs to store it as it was.

    Attributes:
        event_id: an id with which an import recognises the event, in this project by the
            stored id and in any other by the text.
        name, time_ms, received_ms, distinct_id, properties: as in `StoredEvent`.
        person_id: the distinct id of the person if it was merged into another, else None.
    """

    event_id: str
    name: str
    time_ms: int
    received_ms: int
    distinct_id: str
    person_id: str | None
    properties: str


class EventTransfer(Protocol):
    """Exports events, and reads files of exported events."""

    def exported(self, selection: EventSelection) -> AsyncIterator[Sequence[ExportedEvent]]:
        """Iterate over events in the order of their arrival, in blocks."""

    async def write_parquet(self, selection: EventSelection) -> Path:
        """Write events into a temporary Parquet file, which the caller deletes.

        Raises:
            StorageError: the disk refuses it.
        """

    async def parquet_rows(self, body: bytes, most: int) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a Parquet file.

        Raises:
            EventQueryError: it is no such file, or has more than `most` rows.
        """
