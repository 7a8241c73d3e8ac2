"""The event store, `events.duckdb`."""

from storage.events.settings import EventStoreSettings
from storage.events.store import DuckEventStore

__all__ = ["DuckEventStore", "EventStoreSettings"]
