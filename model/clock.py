"""Time as an argument: whoever needs the current time is handed a `Clock`."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the current time in Unix milliseconds."""


def system_clock() -> int:
    """Return the machine's current time, Unix milliseconds; only `daemon` and `scraper` call it."""
    return time.time_ns() // 1_000_000
