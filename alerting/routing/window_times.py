"""When time intervals begin and end, exact across changes of the clock to summer time."""

import datetime as dt
from collections.abc import Iterator, Sequence

from alerting.routing.time_intervals import TimeInterval

_MINUTE_MS = 60_000
_DAYS = 370
"""A window that recurs at all does so within a year; 29 February may be missed."""


def contains_any(windows: Sequence[TimeInterval], time_ms: int) -> bool:
    """Return whether a time lies in one of the windows."""
    return any(window.contains(time_ms) for window in windows)


def end_of_windows(windows: Sequence[TimeInterval], now_ms: int) -> int | None:
    """Return when the open windows have ended, None for not within a year."""
    return _next_change(windows, now_ms, before=True)


def start_of_windows(windows: Sequence[TimeInterval], now_ms: int) -> int | None:
    """Return when the next window begins, None for not within a year."""
    return _next_change(windows, now_ms, before=False)


def _next_change(windows: Sequence[TimeInterval], now_ms: int, *, before: bool) -> int | None:
    """Return the first minute after now at which `contains_any` is no longer `before`."""
    previous = now_ms
    for candidate in _candidates(windows, now_ms):
        if contains_any(windows, candidate) is before:
            previous = candidate
            continue
        # The clock may have changed between two candidates: look at each minute.
        minute = previous - previous % _MINUTE_MS + _MINUTE_MS
        while minute < candidate and contains_any(windows, minute) is before:
            minute += _MINUTE_MS
        return min(minute, candidate)
    return None


def _candidates(windows: Sequence[TimeInterval], now_ms: int) -> Iterator[int]:
    """Yield the times, in order, at which an interval may begin or end."""
    for day in range(-1, _DAYS):
        found: set[int] = set()
        for window in windows:
            local = dt.datetime.fromtimestamp(now_ms / 1000, window.zone)
            date = local.date() + dt.timedelta(days=day)
            for minute in {0, *(edge for edges in window.times for edge in edges)}:
                at = dt.datetime.combine(date, dt.time(), window.zone)
                at += dt.timedelta(minutes=minute)
                for fold in (0, 1):
                    found.add(round(at.replace(fold=fold).timestamp() * 1000))
        yield from sorted(each for each in found if each > now_ms)
