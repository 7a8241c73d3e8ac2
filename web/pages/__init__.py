"""The pages that people see; each module holds the handlers of one subject."""

__all__ = [
    "account",
    "add_host",
    "alerts",
    "audit",
    "discovery",
    "explore",
    "host",
    "hosts",
    "login",
    "second_factor",
    "shell",
    "store",
    "targets",
    "users",
]
