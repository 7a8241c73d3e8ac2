"""A vector as the journal stores it: before it is written, and after it was read."""

from dataclasses import dataclass

from storage.samples.catalog.layouts import StoredLayout
from storage.samples.head.open_chunk import OpenChunk


@dataclass(frozen=True, slots=True, eq=False)
class AppendedVector:
    """A vector in an open chunk, as the journal writes it.

    Attributes:
        ordinal: its place in the chunk, from 0.
        columns: the columns that changed; None if the vector begins the chunk.
        values: the value of each of these columns, or of all columns.
        amends: whether `values` are merged into the vector that has this ordinal already.
    """

    chunk: OpenChunk
    layout: StoredLayout
    ordinal: int
    time_ms: int
    columns: bytes | None
    values: bytes
    amends: bool = False


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """A vector as it was read from the journal; see `AppendedVector`.

    Attributes:
        columns: the columns that changed; b"" if the vector begins a chunk.
    """

    source_id: int
    layout_id: int
    time_ms: int
    ordinal: int
    columns: bytes
    values: bytes
    amends: bool = False
