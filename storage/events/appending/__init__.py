"""Appends events and requests: recognises repeated events, and folds the journal into tables."""

from storage.events.appending.appender import Appender
from storage.events.appending.commit_queue import Batch, CommitQueue
from storage.events.appending.folding import Folding
from storage.events.appending.recovery import fold_files, fold_pending
from storage.events.appending.tables import TableWriter

__all__ = [
    "Appender",
    "Batch",
    "CommitQueue",
    "Folding",
    "TableWriter",
    "fold_files",
    "fold_pending",
]
