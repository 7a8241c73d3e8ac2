"""Clients that ask too much: idle connections, slow bodies, heavy queries, new series, guesses."""

__all__ = [
    "accounts",
    "attack_process",
    "kinds",
]
