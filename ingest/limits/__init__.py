"""Limits on what is pushed: of a series, a request, a sender, a token, and of times."""

__all__ = [
    "budgets",
    "label_checks",
    "time_bounds",
    "write_limits",
]
