"""The sub-commands of `redshank`, one a module."""

__all__ = ["check", "doctor", "host", "options", "query", "server", "up", "user"]
