"""The range of a report in local dates, and the same stretch before it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from analytics.errors import ReportError
from analytics.statistics.calendar import Interval, date_of, start_of_date
from storage.api.events import FUTURE_TOLERANCE_MS

_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2099


@dataclass(frozen=True, slots=True)
class DateRange:
    """Whole local dates, of which the last may not be over.

    Attributes:
        first, last: the dates.
        start_ms, end_ms: the range; it ends with the last date, or now: then with the events
            of clocks that are a little ahead.
        before_start_ms, before_end_ms: as many dates before, as far as the range has come:
            until the same time of day. An unfinished range is thus compared with an equal part.
        is_complete: whether the last date is over.
    """

    first: date
    last: date
    start_ms: int
    end_ms: int
    before_start_ms: int
    before_end_ms: int
    is_complete: bool

    @property
    def days(self) -> int:
        """The number of dates."""
        return (self.last - self.first).days + 1

    @property
    def interval(self) -> Interval:
        """An interval with a readable number of buckets."""
        return fitting_interval(self.days)


def fitting_interval(days: float) -> Interval:
    """Return an interval with a readable number of buckets in a range of some days."""
    if days <= 2:
        return Interval.HOUR
    if days <= 92:
        return Interval.DAY
    return Interval.WEEK if days <= 731 else Interval.MONTH


def latest_days(days: int, zone: ZoneInfo, now_ms: int) -> DateRange:
    """Return the last `days` local dates, today included."""
    today = date_of(now_ms, zone)
    return dates(today - timedelta(days - 1), today, zone, now_ms)


def dates(first: date, last: date, zone: ZoneInfo, now_ms: int) -> DateRange:
    """Return the range of two dates, both included.

    Raises:
        ReportError: it is empty, begins in the future, or is out of bounds.
    """
    if last < first:
        raise ReportError("must not be before from", "to")
    if first.year < _FIRST_YEAR:
        raise ReportError(f"must not be before {_FIRST_YEAR}", "from")
    if last.year > _LAST_YEAR:
        raise ReportError(f"must not be after {_LAST_YEAR}", "to")
    start_ms = start_of_date(first, zone)
    if start_ms > now_ms:
        raise ReportError("must not be in the future", "from")
    length = last - first + timedelta(1)
    before_start_ms = start_of_date(first - length, zone)
    end_ms = start_of_date(last + timedelta(1), zone)
    if end_ms <= now_ms:
        return DateRange(first, last, start_ms, end_ms, before_start_ms, start_ms, is_complete=True)
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    # Arithmetic on the wall clock: the same time of day, whatever the offsets are.
    before_end_ms = round((now - length).timestamp() * 1000) + FUTURE_TOLERANCE_MS
    return DateRange(
        first,
        last,
        start_ms,
        min(now_ms + FUTURE_TOLERANCE_MS, end_ms),
        before_start_ms,
        min(before_end_ms, start_ms),
        is_complete=False,
    )
