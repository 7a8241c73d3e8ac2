"""Buckets of time in a project's zone.

A day, a week or a month is a stretch of local dates, so that a day has 23 to 25 hours; no
edge is ever found by adding 24 h. An hour is a stretch between two instants: the two hours
from 01:00 on the night when clocks go back are two buckets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from analytics.errors import ReportError

MOST_BUCKETS: Final = 10_000
_HOUR_MS, _QUARTER_MS = 3_600_000, 900_000
_EARLIEST_MS: Final = -2_208_988_800_000
"""1900; zones have odd offsets of seconds before."""
_LATEST_MS: Final = 4_102_444_800_000
"""2100."""


class Interval(StrEnum):
    """The length of a bucket."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_LEAST_MS: Final = {
    Interval.MINUTE: 60_000,
    Interval.HOUR: 1_800_000,
    Interval.DAY: 23 * 3_600_000,
    Interval.WEEK: 7 * 23 * 3_600_000,
    Interval.MONTH: 28 * 23 * 3_600_000,
}


@dataclass(frozen=True, slots=True)
class Buckets:
    """Consecutive stretches of time.

    Attributes:
        edges_ms: shape (N + 1,), ascending; bucket i is from edge i to before edge i + 1.
        labels: shape (N,), the local start of each: a date from a day on, else a date and
            time with the offset from UTC.
    """

    edges_ms: NDArray[np.int64]
    labels: tuple[str, ...]


@lru_cache(maxsize=1000)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name; the first call for a name reads a file.

    Raises:
        ReportError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ReportError(f"there is no time zone {name!r}", "time_zone") from exc


def buckets(
    start_ms: int, end_ms: int, interval: Interval, zone: ZoneInfo, week_start: int = 1
) -> Buckets:
    """Return the buckets that cover a range.

    The first begins at or before `start_ms`, the last ends at or after `end_ms`.

    Args:
        start_ms: the start of the range.
        end_ms: its end, which is not part of it.
        interval: the length of a bucket.
        zone: the zone of dates and hours.
        week_start: the first day of a week, 1 for Monday to 7 for Sunday.

    Raises:
        ReportError: the range is empty or has more than `MOST_BUCKETS` buckets.
    """
    if not _EARLIEST_MS <= start_ms < end_ms <= _LATEST_MS:
        raise ReportError("the range must be from 1900 to 2100 and end after its start", "to")
    if (end_ms - start_ms) // _LEAST_MS[interval] > MOST_BUCKETS:
        raise ReportError(
            f"more than {MOST_BUCKETS} buckets; choose a longer interval or a shorter range",
            "interval",
        )
    if interval is Interval.MINUTE:
        first = start_ms // 60_000 * 60_000
        edges = np.arange(first, end_ms + 60_000, 60_000)
        edges = edges[: int(np.searchsorted(edges, end_ms)) + 1]
        return _labelled(edges, zone)
    if interval is Interval.HOUR:
        return _hours(start_ms, end_ms, zone)
    return _dates(start_ms, end_ms, interval, zone, week_start)


def start_of_date(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a local date, in Unix milliseconds.

    Where clocks skip midnight it is the instant of the change (PEP 495: a time in a gap
    has the offset from before the gap).
    """
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def date_of(time_ms: int, zone: ZoneInfo) -> date:
    """Return the local date of an instant."""
    return datetime.fromtimestamp(time_ms / 1000, zone).date()


def _hours(start_ms: int, end_ms: int, zone: ZoneInfo) -> Buckets:
    """Return hours that begin on full local hours.

    Where clocks change by half an hour, the hour of the change has 30 or 90 minutes.
    """
    # Every offset since 1900 that is in use today is a multiple of a quarter of an hour.
    first = start_ms // _QUARTER_MS * _QUARTER_MS - 2 * _HOUR_MS
    edges = [
        time_ms
        for time_ms in range(first, end_ms + 3 * _HOUR_MS, _QUARTER_MS)
        if datetime.fromtimestamp(time_ms / 1000, zone).minute == 0
    ]
    every = np.array(edges, np.int64)
    begin = int(np.searchsorted(every, start_ms, side="right")) - 1
    last = int(np.searchsorted(every, end_ms))
    return _labelled(every[begin : last + 1], zone)


def _dates(
    start_ms: int, end_ms: int, interval: Interval, zone: ZoneInfo, week_start: int
) -> Buckets:
    edges: list[int] = []
    labels: list[str] = []
    for day in _starts(date_of(start_ms, zone), interval, week_start):
        edge = start_of_date(day, zone)
        if edges and edge <= edges[-1]:
            # A date that does not exist: Samoa had no 30 December 2011.
            labels[-1] = day.isoformat()
            continue
        edges.append(edge)
        if edge >= end_ms:
            return Buckets(np.array(edges, np.int64), tuple(labels))
        labels.append(day.isoformat())
    raise ReportError("the range ends after the last date of the calendar", "to")


def _starts(day: date, interval: Interval, week_start: int) -> Iterator[date]:
    """Yield the first date of each bucket, from the one that contains `day` on."""
    if interval is Interval.WEEK:
        day -= timedelta((day.isoweekday() - week_start) % 7)
    elif interval is Interval.MONTH:
        day = day.replace(day=1)
    while day.year < date.max.year:
        yield day
        if interval is Interval.MONTH:
            day = (day + timedelta(31)).replace(day=1)
        else:
            day += timedelta(7 if interval is Interval.WEEK else 1)


def _labelled(edges: NDArray[np.int64], zone: ZoneInfo) -> Buckets:
    labels = tuple(
        datetime.fromtimestamp(edge / 1000, UTC).astimezone(zone).isoformat()
        for edge in edges[:-1].tolist()
    )
    return Buckets(edges, labels)
