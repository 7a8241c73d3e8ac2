"""Recorded and generated samples."""

__all__ = [
    "cpu_history",
    "recording",
    "value_matrix",
]
