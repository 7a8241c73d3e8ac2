"""The pages that people see; each module holds the handlers of one subject."""

__all__ = [
    "account",
    "add_host",
    "alerts",
    "discovery",
    "explore",
    "host",
    "hosts",
    "login",
    "shell",
    "store",
    "targets",
]
