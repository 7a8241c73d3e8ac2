"""The message log: `messages.db`."""

from storage.messages.log import SqliteMessageLog

__all__ = ["SqliteMessageLog"]
