"""Bounds of plausible timestamps."""

from typing import Final

from ingest.errors import BadTimeError

EARLIEST_MS: Final = 1_000_000_000_000
"""September 2001. A sender with an earlier time has not set its clock."""
MOST_AHEAD_MS: Final = 10 * 60_000
"""How far a timestamp may lie in the future; Prometheus's bound."""


def check_time(time_ms: int, now_ms: int, field: str) -> None:
    """Reject a timestamp before 2001 or more than ten minutes ahead.

    Args:
        time_ms: the timestamp.
        now_ms: the current time.
        field: the request field that holds it, for the error message.

    Raises:
        BadTimeError: it is out of bounds.
    """
    if time_ms < EARLIEST_MS:
        raise BadTimeError(f"{field}: is before 2001; is the sender's clock set?", field)
    if time_ms > now_ms + MOST_AHEAD_MS:
        ahead_min = (time_ms - now_ms) // 60_000
        reason = f"is {ahead_min:,} min in the future" if ahead_min < 10**6 else "is no such time"
        raise BadTimeError(f"{field}: {reason}; is the sender's clock right?", field)
