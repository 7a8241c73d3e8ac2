"""The log of pushed messages, `messages.db`."""

from storage.messages.log import SqliteMessageLog

__all__ = ["SqliteMessageLog"]
