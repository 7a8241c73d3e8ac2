"""Times in requests and answers about projects."""

from datetime import UTC, datetime

from analytics.timestamps import Moment, unix_ms

__all__ = ["Moment", "iso", "unix_ms"]


def iso(time_ms: int) -> str:
    """Return a time in UTC, with milliseconds only where there are some."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    text = moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")
