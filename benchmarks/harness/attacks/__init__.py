"""Clients that ask too much, or what a server must refuse."""

__all__ = [
    "accounts",
    "attack_process",
    "failures",
    "kinds",
]
