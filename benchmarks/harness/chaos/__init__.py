"""Fault injection: faults, targets on command, receivers that count, a judge."""

__all__ = [
    "arena",
    "clock",
    "faults",
    "findings",
    "judge",
    "names",
    "namespaces",
    "receivers",
    "records",
    "rounds",
    "server",
    "shim",
    "targets",
    "watch",
]
