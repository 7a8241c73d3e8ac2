"""The benchmark's clock, which no fault changes."""

import time


def now_ms() -> int:
    """Return the time of this machine, Unix milliseconds."""
    return time.time_ns() // 1_000_000
