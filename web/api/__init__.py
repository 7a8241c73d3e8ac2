"""The JSON API: hosts, alerts, accounts, the audit log."""

__all__ = [
    "accounts",
    "alerts",
    "audit",
    "hosts",
    "registration",
    "second_factor",
    "status",
    "users",
]
