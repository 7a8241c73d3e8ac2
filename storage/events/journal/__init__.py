"""The event store's journal: batches that are durable but not yet in the tables."""

from storage.events.journal.journal import EventJournal
from storage.events.journal.rows import EventRows, JournalRows, RequestRows

__all__ = ["EventJournal", "EventRows", "JournalRows", "RequestRows"]
