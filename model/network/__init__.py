"""Names and the threads that look them up."""

__all__ = ["daemon_threads", "name_lookup"]
