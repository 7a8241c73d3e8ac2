"""Host checks: what every registered host is checked for, and the check of the server."""

__all__ = [
    "host_check",
    "host_evaluation",
    "hosts",
    "kinds",
    "overrides",
    "queries",
    "registry",
]
