"""Checks what a server has stored after a crash."""

__all__ = [
    "adversary",
    "pushes",
    "verdict",
    "witnesses",
]
