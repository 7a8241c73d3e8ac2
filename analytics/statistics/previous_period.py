"""The period before a range: equally long in buckets of local time."""

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from analytics.statistics.calendar import Interval

_LENGTH_MS: Final = {Interval.MINUTE: 60_000, Interval.HOUR: 3_600_000}
_DAYS: Final = {Interval.DAY: 1, Interval.WEEK: 7}
_DAY_MS: Final = 86_400_000
_LEAST_MONTH_MS: Final = 28 * _DAY_MS


def previous_period(
    start_ms: int, end_ms: int, interval: Interval, zone: ZoneInfo
) -> tuple[int, int]:
    """Return the start and the end of the period before a range.

    Both are moved back by the fewest whole intervals that cover the range, so that the
    periods do not overlap and their buckets correspond. Days, weeks and months are moved on
    the calendar and keep their time of day; an end on a day that the earlier month lacks
    becomes the end of that month. Hours and minutes are moved by elapsed time: by whole days
    of 24 hours where the range begins with a local day, so that a morning is compared with the
    morning before.
    """
    if interval in _LENGTH_MS:
        is_morning = _local(start_ms, zone).time() == time()
        length = _DAY_MS if is_morning else _LENGTH_MS[interval]
        back_ms = -(-(end_ms - start_ms) // length) * length
        return start_ms - back_ms, end_ms - back_ms
    start, end = _local(start_ms, zone), _local(end_ms, zone)
    if interval is Interval.MONTH:
        months = max(1, (end_ms - start_ms) // _LEAST_MONTH_MS - 1)
        while _end_months_before(end, months) > start:
            months += 1
        # Too many, as a long month was counted for two short ones.
        while months > 1 and _end_months_before(end, months - 1) <= start:
            months -= 1
        before_start, before_end = _months_before(start, months), _end_months_before(end, months)
        return _unix_ms(before_start, zone), _unix_ms(before_end, zone)
    step = _DAYS[interval]
    count = max(1, -(-((end - start) // timedelta(microseconds=1)) // (step * 86_400_000_000)))
    back = timedelta(step * count)
    return _unix_ms(start - back, zone), _unix_ms(end - back, zone)


def _local(time_ms: int, zone: ZoneInfo) -> datetime:
    """Return the time on the wall clock, without a zone, so that arithmetic is the clock's."""
    return datetime.fromtimestamp(time_ms / 1000, zone).replace(tzinfo=None, fold=0)


def _unix_ms(moment: datetime, zone: ZoneInfo) -> int:
    return round(moment.replace(tzinfo=zone).timestamp() * 1000)


def _months_before(moment: datetime, months: int) -> datetime:
    """Return the time some months earlier, at the end of the month where the day is missing."""
    count = moment.year * 12 + moment.month - 1 - months
    year, month = count // 12, count % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last = (following - timedelta(1)).day
    return moment.replace(year=year, month=month, day=min(moment.day, last))


def _end_months_before(moment: datetime, months: int) -> datetime:
    """Return the end some months earlier: the end of the month where the day is missing.

    A range from the 28th to the 29th of March would otherwise end before it begins in February.
    """
    earlier = _months_before(moment, months)
    if earlier.day == moment.day:
        return earlier
    return datetime.combine(earlier.date() + timedelta(1), time())
