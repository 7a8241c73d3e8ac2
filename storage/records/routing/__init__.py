"""The records of routing: silences, the notification log, added receivers."""

__all__ = ["added_receivers", "sqlite_routing"]
