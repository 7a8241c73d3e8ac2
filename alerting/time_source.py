"""Time for parts that read a clock and wait: the three functions that a test drives together."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from model.clock import Clock

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""
Monotonic = Callable[[], float]
"""Returns seconds by a clock that is never set."""


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Returns the time, and waits.

    Attributes:
        clock: returns the current time in Unix milliseconds.
        sleep: waits.
        monotonic: measures how long something takes.
    """

    clock: Clock
    sleep: Sleep = asyncio.sleep
    monotonic: Monotonic = time.monotonic
