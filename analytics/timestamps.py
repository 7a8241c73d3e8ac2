"""Times as clients send them."""

from datetime import UTC, datetime
from typing import Any, Final

_EARLIEST_MS: Final = -2_208_988_800_000
_LATEST_MS: Final = 4_102_444_800_000
_FIRST_MILLISECONDS: Final = 1e11
"""As seconds the year 5138, as milliseconds the year 1973."""


class TimestampError(ValueError):
    """A value is no time; the message says what is expected."""


def unix_ms_of(value: Any) -> int:
    """Return a timestamp in Unix milliseconds.

    Args:
        value: a time in ISO 8601, UTC without an offset; or a number, seconds below 1e11
            and milliseconds from there on.

    Raises:
        TimestampError: it is neither, or outside 1900 to 2100.
    """
    time_ms: float
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            time_ms = moment.timestamp() * 1000
        except (ValueError, OverflowError) as exc:
            raise TimestampError("must be a time such as 2026-01-06T10:00:00Z") from exc
    elif isinstance(value, int | float) and not isinstance(value, bool):
        time_ms = value * 1000 if abs(value) < _FIRST_MILLISECONDS else value
    else:
        raise TimestampError("must be a time such as 2026-01-06T10:00:00Z")
    if not _EARLIEST_MS <= time_ms < _LATEST_MS:
        raise TimestampError("must be from 1900 to 2100")
    return round(time_ms)
