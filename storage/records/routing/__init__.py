"""The records of routing: silences and the notification log."""

__all__ = ["sqlite_routing"]
