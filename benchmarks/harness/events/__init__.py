"""Product events and tracked requests as a load, and PostgreSQL as the replaced service has it."""

__all__ = [
    "event_history",
    "event_reports",
    "postgres",
    "request_load",
]
