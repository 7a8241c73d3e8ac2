from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.calendar import Interval, buckets
from analytics.statistics.previous_period import previous_period

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")


def ms(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("interval", "start", "end", "before_start", "before_end"),
    [
        # Clocks change on 29 March: 23 hours are compared with a day of 24.
        (Interval.DAY, "2026-03-29", "2026-03-30", "2026-03-28", "2026-03-29"),
        (Interval.DAY, "2026-03-23", "2026-03-30T15:30", "2026-03-15", "2026-03-22T15:30"),
        (Interval.WEEK, "2026-03-23", "2026-04-06", "2026-03-09", "2026-03-23"),
        (Interval.MONTH, "2026-03-01", "2026-04-01", "2026-02-01", "2026-03-01"),
        (Interval.MONTH, "2026-03-01", "2026-03-31T12:00", "2026-02-01", "2026-03-01"),
        # No 29 February: the end of the month, so that the period does not end before its start.
        (Interval.MONTH, "2026-03-28T11:00", "2026-03-29T01:00", "2026-02-28T11:00", "2026-03-01"),
        (Interval.MONTH, "2026-03-30T11:00", "2026-03-31T01:00", "2026-02-28T11:00", "2026-03-01"),
        (Interval.MONTH, "2026-01-01", "2027-01-01", "2025-01-01", "2026-01-01"),
        # A day that is not over is compared with the same hours of the day before.
        (Interval.HOUR, "2026-03-10", "2026-03-10T14:20", "2026-03-09", "2026-03-09T14:20"),
        (Interval.HOUR, "2026-03-09", "2026-03-10T14:20", "2026-03-07", "2026-03-08T14:20"),
        (
            Interval.HOUR,
            "2026-03-10T09:00",
            "2026-03-10T14:20",
            "2026-03-10T03:00",
            "2026-03-10T08:20",
        ),
        # The hours of the day before, by elapsed time.
        (Interval.HOUR, "2026-03-30", "2026-03-31", "2026-03-28T23:00", "2026-03-30"),
    ],
)
def test_the_period_before_is_found_on_the_calendar(
    interval: Interval, start: str, end: str, before_start: str, before_end: str
) -> None:
    zone = "Europe/Berlin"
    found = previous_period(ms(start, zone), ms(end, zone), interval, ZoneInfo(zone))
    assert found == (ms(before_start, zone), ms(before_end, zone))


@given(
    st.sampled_from(list(Interval)),
    st.sampled_from(ZONES),
    st.integers(1_500_000_000, 1_790_000_000),
    st.integers(1, 400),
)
def test_periods_do_not_overlap_and_their_buckets_correspond(
    interval: Interval, name: str, start_s: int, hours: int
) -> None:
    zone = ZoneInfo(name)
    if interval is Interval.MINUTE:
        hours = min(hours, 20)
    start_ms, end_ms = start_s * 1000, (start_s + hours * 3600) * 1000
    before_start_ms, before_end_ms = previous_period(start_ms, end_ms, interval, zone)
    # A change of the clocks inside the moved stretch shifts an end by at most an hour.
    assert before_end_ms <= start_ms + 3_600_000
    assert before_start_ms < before_end_ms
    now = buckets(start_ms, end_ms, interval, zone)
    before = buckets(before_start_ms, before_end_ms, interval, zone)
    assert abs(len(now.labels) - len(before.labels)) <= 1
    if interval in (Interval.DAY, Interval.WEEK, Interval.MONTH):
        assert len(now.labels) == len(before.labels)
        assert (np.diff(before.edges_ms) > 0).all()
