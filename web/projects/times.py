"""Times in requests and answers about projects."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time in ISO 8601; without an offset it is UTC."""


def unix_ms(moment: datetime | None) -> int | None:
    """Return a time in Unix milliseconds, None for None."""
    return None if moment is None else round(moment.timestamp() * 1000)


def iso(time_ms: int) -> str:
    """Return a time in UTC, with milliseconds only where there are some."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    text = moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")
