"""When windows begin and end, changes to summer time included."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.routing.time_intervals import TimeInterval
from alerting.routing.window_times import contains_any, end_of_windows, start_of_windows

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MINUTE_MS = 60_000


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def nightly(first: int, last: int) -> TimeInterval:
    return TimeInterval(times=((first * 60, last * 60),), zone=BERLIN)


@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        (nightly(22, 23), "2026-11-29T22:30+01:00", "2026-11-29T23:00+01:00"),
        # 02:00 to 03:00 does not exist in this night.
        (nightly(1, 3), "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        # 02:00 to 03:00 stands twice in this night: the window is three hours long.
        (nightly(1, 3), "2026-10-25T01:30+02:00", "2026-10-25T03:00+01:00"),
    ],
)
def test_window_ends_at_its_local_time(window: TimeInterval, now: str, end: str) -> None:
    assert window.contains(ms(now))
    assert end_of_windows((window,), ms(now)) == ms(end)


def test_window_that_the_clock_skips_into_the_middle_of_ends_with_the_jump() -> None:
    window = TimeInterval(times=((60, 150),), zone=BERLIN)
    now_ms = ms("2026-03-29T01:30+01:00")
    assert end_of_windows((window,), now_ms) == ms("2026-03-29T03:00+02:00")


def test_next_window_begins_on_its_weekday() -> None:
    sunday = TimeInterval(times=((120, 240),), weekdays=((0, 0),), zone=BERLIN)
    assert start_of_windows((sunday,), ms("2026-11-29T12:00+01:00")) == ms("2026-12-06T02:00+01:00")


def test_windows_on_both_sides_of_midnight_are_one() -> None:
    windows = (nightly(23, 24), nightly(0, 2))
    now_ms = ms("2026-11-29T23:30+01:00")
    assert end_of_windows(windows, now_ms) == ms("2026-11-30T02:00+01:00")


def test_window_that_always_holds_has_no_end() -> None:
    assert end_of_windows((TimeInterval(),), ms("2026-11-29T12:00+00:00")) is None


@given(
    first=st.integers(0, 1438),
    length=st.integers(1, 600),
    minute=st.integers(0, 3 * 1440),
    day=st.sampled_from(["2026-03-28", "2026-10-24", "2026-07-01"]),
)
def test_end_is_the_first_minute_outside(first: int, length: int, minute: int, day: str) -> None:
    window = TimeInterval(times=((first, min(first + length, 1440)),), zone=BERLIN)
    now_ms = ms(f"{day}T00:00+00:00") + minute * MINUTE_MS
    inside = window.contains(now_ms)
    change = (end_of_windows if inside else start_of_windows)((window,), now_ms)
    expected = now_ms + MINUTE_MS
    while contains_any((window,), expected) is inside:
        expected += MINUTE_MS
    assert change == expected
