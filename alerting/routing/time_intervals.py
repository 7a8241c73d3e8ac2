"""Time intervals: stretches of local time such as weekday nights, in a time zone.

Source: Alertmanager documentation, "Configuration", time_interval.
"""

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

_UTC = dt.UTC


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """All of these must hold; an empty one always holds. Ranges include both ends.

    Attributes:
        times: minutes of the day, the end excluded.
        weekdays: 0 is Sunday.
        days_of_month: negative days count from the end of the month.
        months: 1 is January.
        years: years.
        zone: the time zone.
    """

    times: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    days_of_month: tuple[tuple[int, int], ...] = ()
    months: tuple[tuple[int, int], ...] = ()
    years: tuple[tuple[int, int], ...] = ()
    zone: dt.tzinfo = field(default=_UTC)

    def contains(self, time_ms: int) -> bool:
        """Return whether a time lies in the interval."""
        local = dt.datetime.fromtimestamp(time_ms / 1000, self.zone)
        minute = local.hour * 60 + local.minute
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and self._has_day(local)
            and _within(local.month, self.months)
            # Monday is 1 in Python, Sunday 0 here.
            and _within(local.isoweekday() % 7, self.weekdays)
            and _within(local.year, self.years)
        )

    def _has_day(self, local: dt.datetime) -> bool:
        if not self.days_of_month:
            return True
        days = calendar.monthrange(local.year, local.month)[1]
        for start, end in self.days_of_month:
            first = days + start + 1 if start < 0 else start
            last = days + end + 1 if end < 0 else end
            if first <= days and first <= local.day <= min(last, days):
                return True
        return False


def _within(value: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return not ranges or any(start <= value <= end for start, end in ranges)


TimeIntervals = Mapping[str, tuple[TimeInterval, ...]]
"""The named time intervals of a configuration."""


def containing(names: tuple[str, ...], intervals: TimeIntervals, time_ms: int) -> tuple[str, ...]:
    """Return those of the named intervals in which a time lies."""
    return tuple(
        name
        for name in names
        if any(interval.contains(time_ms) for interval in intervals.get(name, ()))
    )
