from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.statistics.calendar import Interval, date_of, start_of_date
from analytics.statistics.date_ranges import dates, latest_days

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def test_an_unfinished_range_is_compared_with_an_equal_part_of_the_one_before() -> None:
    found = latest_days(7, BERLIN, at("2026-11-29 13:30"))
    assert (found.first, found.last) == (date(2026, 11, 23), date(2026, 11, 29))
    assert (found.start_ms, found.end_ms) == (at("2026-11-23"), at("2026-11-29 13:40"))
    assert found.before_start_ms == at("2026-11-16")
    assert found.before_end_ms == at("2026-11-22 13:40")
    assert not found.is_complete


def test_a_finished_range_ends_where_its_last_date_ends() -> None:
    found = dates(date(2026, 10, 1), date(2026, 10, 31), BERLIN, at("2026-11-29"))
    # Clocks go back on the 25th: the month has an hour more than 31 times 24.
    assert found.end_ms - found.start_ms == (31 * 24 + 1) * 3_600_000
    assert (found.before_start_ms, found.before_end_ms) == (at("2026-08-31"), found.start_ms)
    assert found.is_complete


def test_the_same_time_of_day_holds_over_a_change_of_clocks() -> None:
    found = latest_days(1, BERLIN, at("2026-10-25 15:00"))
    assert found.before_end_ms == at("2026-10-24 15:10")


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [("2026-11-02", "2026-11-01", "to"), ("2026-12-01", "2026-12-02", "from")],
)
def test_an_empty_or_future_range_is_refused(first: str, last: str, field: str) -> None:
    with pytest.raises(ReportError) as refused:
        dates(date.fromisoformat(first), date.fromisoformat(last), BERLIN, at("2026-11-29"))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("days", "interval"),
    [(1, Interval.HOUR), (7, Interval.DAY), (92, Interval.DAY), (365, Interval.WEEK)],
)
def test_the_interval_follows_the_length(days: int, interval: Interval) -> None:
    assert latest_days(days, BERLIN, at("2026-11-29 12:00")).interval is interval


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    st.integers(1, 400),
)
def test_ranges_touch_and_are_dates(zone_name: str, now: datetime, days: int) -> None:
    zone, now_ms = ZoneInfo(zone_name), round(now.replace(tzinfo=UTC).timestamp() * 1000)
    found = latest_days(days, zone, now_ms)
    assert found.days == days
    assert found.start_ms == start_of_date(found.first, zone)
    assert date_of(now_ms, zone) == found.last
    assert found.before_start_ms < found.before_end_ms <= found.start_ms < found.end_ms
    assert now_ms < found.end_ms <= now_ms + 600_000
