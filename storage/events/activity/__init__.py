"""Persons over time, and the export of events."""

from storage.events.activity.queries import ActivityQueries
from storage.events.activity.reader import DuckActivityReader
from storage.events.activity.transfer import DuckEventTransfer, TransferQueries

__all__ = ["ActivityQueries", "DuckActivityReader", "DuckEventTransfer", "TransferQueries"]
