"""Go's time.Time and time.Duration: their layouts, methods and texts.

Source: Go, package time.
"""

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerting.templates.values.values import FunctionError, GoValue, TemplateFunction

SECOND_NS = 1_000_000_000
_MINUTE_NS, _HOUR_NS = 60 * SECOND_NS, 3600 * SECOND_NS
_MIN_NS, _MAX_NS = -(2**63), 2**63 - 1
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ZERO_S = int((dt.datetime(1, 1, 1, tzinfo=dt.UTC) - _EPOCH).total_seconds())
_LAST_S = int((dt.datetime(9999, 12, 31, tzinfo=dt.UTC) - _EPOCH).total_seconds())
_NOON = 12
_ELEMENT = re.compile(
    r"""January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|-07:00:00|-070000|-07:00|-0700|-07
      | Z07:00:00|Z070000|Z07:00|Z0700|Z07|002|01|02|03|04|05|06|_2006|__2|_2|15|PM|pm
      | [.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5""",
    re.VERBOSE | re.ASCII,
)


class Duration(GoValue, int):
    """A number of nanoseconds."""

    go_type = "time.Duration"

    def __str__(self) -> str:
        """Return `1h2m3.5s`; the largest unit below a second is chosen."""
        value = abs(int(self))
        sign = "-" if self < 0 else ""
        if value == 0:
            return "0s"
        for unit_ns, name in ((1, "ns"), (1000, "µs"), (1_000_000, "ms")):
            if value < unit_ns * 1000:
                return sign + _decimal(value, unit_ns) + name
        minutes, rest = divmod(value, _MINUTE_NS)
        text = _decimal(rest, SECOND_NS) + "s"
        if minutes:
            hours, minutes = divmod(minutes, 60)
            text = f"{minutes}m{text}"
            if hours:
                text = f"{hours}h{text}"
        return sign + text

    __repr__ = __str__


class Month(GoValue, int):
    """A month, from 1."""

    go_type = "time.Month"

    def __str__(self) -> str:
        return _MONTHS[int(self) - 1]


class Weekday(GoValue, int):
    """A day of the week; Sunday is 0."""

    go_type = "time.Weekday"

    def __str__(self) -> str:
        return _DAYS[int(self)]


class Int64(GoValue, int):
    """An int64."""

    go_type = "int64"


class TimeValue(GoValue):
    """A moment.

    Attributes:
        unix_ns: nanoseconds since 1970.
        zone: the zone in which it is shown.
    """

    __slots__ = ("unix_ns", "zone")
    go_type = "time.Time"

    def __init__(self, unix_ns: int, zone: dt.tzinfo = dt.UTC) -> None:
        self.unix_ns, self.zone = unix_ns, zone

    @property
    def moment(self) -> dt.datetime:
        """The time to whole seconds.

        Raises:
            FunctionError: the year is not between 1 and 9999.
        """
        seconds = self.unix_ns // SECOND_NS
        if not _ZERO_S <= seconds <= _LAST_S:
            raise FunctionError("the year of a time is outside 1 to 9999")
        return (_EPOCH + dt.timedelta(seconds=seconds)).astimezone(self.zone)

    @property
    def nanosecond(self) -> int:
        """The nanoseconds of its second."""
        return self.unix_ns % SECOND_NS

    def __str__(self) -> str:
        return format_time(self, "2006-01-02 15:04:05.999999999 -0700 MST")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeValue) and self.unix_ns == other.unix_ns

    def __hash__(self) -> int:
        return hash(self.unix_ns)

    @property
    def rfc3339(self) -> str:
        """The time as JSON writes it."""
        return format_time(self, "2006-01-02T15:04:05.999999999Z07:00")


@lru_cache(maxsize=64)
def load_zone(name: str) -> dt.tzinfo:
    """Return a time zone by its IANA name.

    Raises:
        FunctionError: no zone has this name.
    """
    if name in ("", "UTC"):
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise FunctionError(f"unknown time zone {name}") from exc


def format_time(time: TimeValue, layout: str) -> str:
    """Return a time as a layout of Go shows it: `2006-01-02 15:04`."""
    moment = time.moment

    def write(match: re.Match[str]) -> str:
        element = match[0]
        if element[0] in ".,":
            digits = f"{time.nanosecond:09d}"[: len(element) - 1]
            if element[1] == "9":
                digits = digits.rstrip("0")
            return element[0] + digits if digits else ""
        return _written(moment, element)

    return _ELEMENT.sub(write, layout)


def _written(moment: dt.datetime, element: str) -> str:
    hour = moment.hour % _NOON or _NOON
    weekday = _DAYS[moment.isoweekday() % 7]
    month = _MONTHS[moment.month - 1]
    year_day = moment.timetuple().tm_yday
    texts = {
        "January": month,
        "Jan": month[:3],
        "Monday": weekday,
        "Mon": weekday[:3],
        "MST": _zone_name(moment),
        "2006": f"{moment.year:04d}",
        "_2006": f"_{moment.year:04d}",
        "06": f"{moment.year % 100:02d}",
        "01": f"{moment.month:02d}",
        "1": str(moment.month),
        "02": f"{moment.day:02d}",
        "_2": f"{moment.day:2d}",
        "2": str(moment.day),
        "002": f"{year_day:03d}",
        "__2": f"{year_day:3d}",
        "15": f"{moment.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{moment.minute:02d}",
        "4": str(moment.minute),
        "05": f"{moment.second:02d}",
        "5": str(moment.second),
        "PM": "PM" if moment.hour >= _NOON else "AM",
        "pm": "pm" if moment.hour >= _NOON else "am",
    }
    return texts[element] if element in texts else _offset(moment, element)


def _offset_s(moment: dt.datetime) -> int:
    return round((moment.utcoffset() or dt.timedelta()).total_seconds())


def _zone_name(moment: dt.datetime) -> str:
    name = moment.tzname() or ""
    # Zones without an abbreviation are named by their offset.
    return _offset(moment, "-07") if name[:1] in ("+", "-", "") else name


def _offset(moment: dt.datetime, element: str) -> str:
    """Return the offset from UTC for `-0700`, `Z07:00` and their like."""
    seconds = _offset_s(moment)
    if element[0] == "Z" and not seconds:
        return "Z"
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    colon = ":" if ":" in element else ""
    digits = len(element.replace(":", "")) - 1
    parts = (f"{hours:02d}", f"{rest // 60:02d}", f"{rest % 60:02d}")
    return sign + colon.join(parts[: digits // 2])


def _decimal(value: int, unit: int) -> str:
    """Return value/unit without trailing zeros."""
    whole, rest = divmod(value, unit)
    digits = len(str(unit)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0") if digits else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def _duration(value: int) -> Duration:
    return Duration(min(max(value, _MIN_NS), _MAX_NS))


def _truncated(value: int, unit: int) -> int:
    """Round towards zero to a multiple of the unit."""
    if unit <= 0:
        return value
    return value - (value % unit if value >= 0 else -(-value % unit))


def _rounded(value: int, unit: int) -> int:
    """Round half away from zero to a multiple of the unit."""
    if unit <= 0:
        return value
    rest = abs(value) % unit
    nearest = abs(value) - rest + (unit if 2 * rest >= unit else 0)
    return nearest if value >= 0 else -nearest


def _truncate_time(time: TimeValue, unit: Duration) -> TimeValue:
    since_zero = time.unix_ns - _ZERO_S * SECOND_NS
    return TimeValue(time.unix_ns - (since_zero % unit if unit > 0 else 0), time.zone)


def _add_date(time: TimeValue, years: int, months: int, days: int) -> TimeValue:
    moment = time.moment
    month = moment.month - 1 + months + 12 * years
    try:
        begin = moment.replace(year=moment.year + month // 12, month=month % 12 + 1, day=1)
        moved = begin + dt.timedelta(days=moment.day - 1 + days)
    except (ValueError, OverflowError) as exc:
        raise FunctionError("the year of a time is outside 1 to 9999") from exc
    seconds = round((moved.astimezone(dt.UTC) - _EPOCH).total_seconds())
    return TimeValue(seconds * SECOND_NS + time.nanosecond, time.zone)


_TIME = TimeValue.go_type
_DURATION = Duration.go_type

Duration.methods = {
    "Abs": TemplateFunction(lambda own: _duration(abs(own))),
    "Hours": TemplateFunction(lambda own: own / _HOUR_NS),
    "Minutes": TemplateFunction(lambda own: own / _MINUTE_NS),
    "Seconds": TemplateFunction(lambda own: own / SECOND_NS),
    "Milliseconds": TemplateFunction(lambda own: Int64(_truncated(own, 1_000_000) // 1_000_000)),
    "Microseconds": TemplateFunction(lambda own: Int64(_truncated(own, 1000) // 1000)),
    "Nanoseconds": TemplateFunction(Int64),
    "Round": TemplateFunction(lambda own, unit: _duration(_rounded(own, unit)), (_DURATION,)),
    "Truncate": TemplateFunction(lambda own, unit: _duration(_truncated(own, unit)), (_DURATION,)),
    "String": TemplateFunction(str),
}
Month.methods = {"String": TemplateFunction(str)}
Weekday.methods = {"String": TemplateFunction(str)}
TimeValue.methods = {
    "Add": TemplateFunction(lambda own, by: TimeValue(own.unix_ns + by, own.zone), (_DURATION,)),
    "AddDate": TemplateFunction(_add_date, ("int", "int", "int")),
    "After": TemplateFunction(lambda own, other: own.unix_ns > other.unix_ns, (_TIME,)),
    "Before": TemplateFunction(lambda own, other: own.unix_ns < other.unix_ns, (_TIME,)),
    "Compare": TemplateFunction(
        lambda own, other: (own.unix_ns > other.unix_ns) - (own.unix_ns < other.unix_ns), (_TIME,)
    ),
    "Day": TemplateFunction(lambda own: own.moment.day),
    "Equal": TemplateFunction(lambda own, other: own.unix_ns == other.unix_ns, (_TIME,)),
    "Format": TemplateFunction(format_time, ("string",)),
    "Hour": TemplateFunction(lambda own: own.moment.hour),
    "IsZero": TemplateFunction(lambda own: own.unix_ns == _ZERO_S * SECOND_NS),
    "Local": TemplateFunction(lambda own: TimeValue(own.unix_ns)),
    "Minute": TemplateFunction(lambda own: own.moment.minute),
    "Month": TemplateFunction(lambda own: Month(own.moment.month)),
    "Nanosecond": TemplateFunction(lambda own: own.nanosecond),
    "Second": TemplateFunction(lambda own: own.moment.second),
    "String": TemplateFunction(str),
    "Sub": TemplateFunction(lambda own, other: _duration(own.unix_ns - other.unix_ns), (_TIME,)),
    "Truncate": TemplateFunction(_truncate_time, (_DURATION,)),
    "UTC": TemplateFunction(lambda own: TimeValue(own.unix_ns)),
    "Unix": TemplateFunction(lambda own: Int64(own.unix_ns // SECOND_NS)),
    "UnixMicro": TemplateFunction(lambda own: Int64(own.unix_ns // 1000)),
    "UnixMilli": TemplateFunction(lambda own: Int64(own.unix_ns // 1_000_000)),
    "UnixNano": TemplateFunction(lambda own: Int64(own.unix_ns)),
    "Weekday": TemplateFunction(lambda own: Weekday(own.moment.isoweekday() % 7)),
    "Year": TemplateFunction(lambda own: own.moment.year),
    "YearDay": TemplateFunction(lambda own: own.moment.timetuple().tm_yday),
}
