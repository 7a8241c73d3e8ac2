"""A message: what a device measured at one time."""

from dataclasses import dataclass
from typing import Final

from ingest.refusals import BadTimeError

_EARLIEST_MS: Final = 1_000_000_000_000
"""September 2001: a device that names an earlier time has no clock."""
_MOST_AHEAD_MS: Final = 10 * 60_000
"""How far a time may lie in the future; Prometheus's bound."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a device measured at one time.

    Attributes:
        id: what the device calls it; the same message may come again.
        source: where on the device the figures come from.
        names: of the metrics.
        values: shape (len(names),).
        document: the message as JSON, for people.
    """

    id: str
    time_ms: int
    device_id: str
    source: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    document: bytes


def check_time(time_ms: int, now_ms: int, field: str) -> None:
    """Refuse a time that cannot be right.

    Raises:
        BadTimeError: it is too far in the past or in the future.
    """
    if time_ms < _EARLIEST_MS:
        raise BadTimeError(f"{field}: is before 2001; is the sender's clock set?", field)
    if time_ms > now_ms + _MOST_AHEAD_MS:
        ahead_min = (time_ms - now_ms) // 60_000
        reason = f"is {ahead_min:,} min in the future" if ahead_min < 10**6 else "is no such time"
        raise BadTimeError(f"{field}: {reason}; is the sender's clock right?", field)
