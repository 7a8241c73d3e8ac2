"""How near the process is to its memory limit, and the error for what is refused there.

The daemon updates one `MemoryReading` each second. Whatever accepts work of unknown size
reads it: near the limit, large queries and pushes are refused first, all but small queries
next. Scrapes, rules, host checks and notifications are never refused.

New pushed series are refused earlier. A query gives its memory back when it ends, but a series
keeps its memory for a day: without this, one sender could bring the server near its limit for
as long.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_SERIES_RATIO: Final = 0.55
_LARGE_BYTES: Final = 2**20
"""Prometheus pushes some 100 kB at a time; a JSON document takes ten times its size in memory."""
RETRY_AFTER_S: Final = 30
"""Caches are given back and large queries end within some seconds."""


class MemoryPressure(IntEnum):
    """How much of the limit is used."""

    NONE = 0
    """Below 80 %, or there is no limit."""
    HIGH = 1
    """From 80 %: large queries and pushes are refused."""
    CRITICAL = 2
    """From 90 %: all queries but small ones are refused."""


@dataclass(slots=True)
class MemoryReading:
    """The resident memory of the process beside its limit; the default is no limit.

    Attributes:
        limit_bytes: `server.memory_limit`; None for no limit.
        resident_bytes: the resident memory at the last reading.
        pressure: how near the limit that is.
        measure: returns the resident memory of this moment; None takes the last reading.
    """

    limit_bytes: int | None = None
    resident_bytes: int = 0
    pressure: MemoryPressure = MemoryPressure.NONE
    measure: Callable[[], int] | None = None

    def has_room_for(self, body_bytes: int) -> bool:
        """Return whether a body of this size is accepted: large ones are the first refused."""
        return body_bytes <= _LARGE_BYTES or self.pressure < MemoryPressure.HIGH

    def has_room_for_series(self) -> bool:
        """Return whether new pushed series are accepted: below 55 % of the limit, or without one.

        Measured now: within a second, senders may push series of a tenth of the limit.
        """
        return not self.limit_bytes or self.current_bytes() < _SERIES_RATIO * self.limit_bytes

    def current_bytes(self) -> int:
        """Return the resident memory now; within a second, queries may take gigabytes."""
        return self.resident_bytes if self.measure is None else self.measure()


class MemoryLimitError(Exception):
    """Work is refused because the process is near its memory limit; HTTP answers 503.

    Args:
        refused: the work, such as "this query".
        reading: the memory at the time.
    """

    def __init__(self, refused: str, reading: MemoryReading) -> None:
        limit_mib = (reading.limit_bytes or 0) / 2**20
        super().__init__(
            f"{refused} is refused: the server uses {reading.resident_bytes / 2**20:.0f} MiB"
            f" of its memory limit of {limit_mib:.0f} MiB (server.memory_limit);"
            f" try again in {RETRY_AFTER_S} s"
        )
        self.retry_after_s = RETRY_AFTER_S
