"""Checks what a server has stored after a crash."""

__all__ = [
    "adversary",
    "event_traffic",
    "pushes",
    "verdict",
    "witnesses",
]
