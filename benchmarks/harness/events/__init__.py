"""Product events and tracked requests as a load, and PostgreSQL as the replaced service has it."""

__all__ = [
    "busy_server",
    "event_history",
    "event_reports",
    "postgres",
    "projects",
    "request_load",
]
