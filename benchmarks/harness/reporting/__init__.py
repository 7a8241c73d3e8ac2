"""Command line and reports of benchmarks."""

__all__ = [
    "command",
    "report",
]
