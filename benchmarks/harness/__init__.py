"""What the benchmarks share: load, contenders, faults, measurements, reports."""

__all__ = [
    "attacks",
    "chaos",
    "contenders",
    "durability",
    "load",
    "loopback",
    "measuring",
    "processes",
    "recordings",
    "reporting",
    "responses",
]
