"""What the benchmarks share: load, contenders, measurements, reports."""

__all__ = [
    "contenders",
    "durability",
    "load",
    "loopback",
    "measuring",
    "processes",
    "recordings",
    "reporting",
]
