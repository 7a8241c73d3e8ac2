"""Time as an argument: code that needs the current time takes a `Clock`."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time in Unix milliseconds."""


def system_clock() -> int:
    """Return the current time in Unix milliseconds; only `daemon` and `scraper` call it."""
    return time.time_ns() // 1_000_000
