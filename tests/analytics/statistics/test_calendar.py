from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.statistics.calendar import Buckets, Interval, buckets, date_of, zone_of

HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def hours(found: Buckets) -> list[float]:
    return [float(length) for length in np.diff(found.edges_ms) / HOUR_MS]


def test_days_around_a_change_of_the_clocks_have_23_and_25_hours() -> None:
    # PostHog #31775, #30124: no phantom and no doubled day.
    zone = ZoneInfo("Europe/Berlin")
    spring = buckets(ms("2026-03-28T00:00+01:00"), ms("2026-03-31T00:00+02:00"), Interval.DAY, zone)
    assert spring.labels == ("2026-03-28", "2026-03-29", "2026-03-30")
    assert hours(spring) == [24, 23, 24]
    autumn = buckets(ms("2026-10-25T00:00+02:00"), ms("2026-10-26T00:00+01:00"), Interval.DAY, zone)
    assert hours(autumn) == [25]


def test_the_two_hours_of_one_name_are_two_buckets() -> None:
    # plausible/analytics #6626.
    zone = ZoneInfo("Europe/Berlin")
    found = buckets(ms("2026-10-25T00:00+02:00"), ms("2026-10-26T00:00+01:00"), Interval.HOUR, zone)
    assert len(found.labels) == 25
    assert found.labels[2:4] == ("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00")


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_hours_begin_on_full_local_hours(name: str) -> None:
    # umami #3810.
    zone = ZoneInfo(name)
    start = ms("2026-04-04T00:20+00:00")
    found = buckets(start, start + 72 * HOUR_MS, Interval.HOUR, zone)
    assert {datetime.fromisoformat(label).minute for label in found.labels} == {0}
    assert set(hours(found)) == ({1, 1.5} if name == "Australia/Lord_Howe" else {1})


def test_the_first_day_of_the_week_is_the_projects() -> None:
    # PostHog #25841.
    start, end = ms("2026-11-25T12:00+00:00"), ms("2026-12-01T00:00+00:00")
    assert buckets(start, end, Interval.WEEK, ZoneInfo("UTC"), 1).labels[0] == "2026-11-23"
    assert buckets(start, end, Interval.WEEK, ZoneInfo("UTC"), 7).labels[0] == "2026-11-22"


def test_months_have_their_own_lengths() -> None:
    # PostHog PR #20103.
    found = buckets(
        ms("2026-01-31T00:00+00:00"), ms("2026-04-01T00:00+00:00"), Interval.MONTH, ZoneInfo("UTC")
    )
    assert found.labels == ("2026-01-01", "2026-02-01", "2026-03-01")


def test_a_date_that_does_not_exist_has_no_bucket() -> None:
    zone = ZoneInfo("Pacific/Apia")
    found = buckets(ms("2011-12-29T12:00-10:00"), ms("2012-01-01T12:00+14:00"), Interval.DAY, zone)
    assert found.labels == ("2011-12-29", "2011-12-31", "2012-01-01")


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "a\x00b"])
def test_an_unknown_zone_is_an_error(name: str) -> None:
    with pytest.raises(ReportError, match="time_zone"):
        zone_of(name)


def test_too_many_buckets_are_an_error() -> None:
    with pytest.raises(ReportError, match="interval"):
        buckets(0, 10**12, Interval.MINUTE, ZoneInfo("UTC"))


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu",
     "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"]
)  # fmt: skip


@given(
    st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.integers(1, 60 * 24 * 40),
    st.sampled_from(list(Interval)),
    ZONES,
    st.integers(1, 7),
)
def test_every_instant_is_in_the_bucket_of_its_local_time(
    start: datetime, minutes: int, interval: Interval, name: str, week_start: int
) -> None:
    zone = ZoneInfo(name)
    start_ms = round(start.replace(tzinfo=UTC).timestamp() * 1000)
    end_ms = start_ms + minutes * 60_000
    if interval is Interval.MINUTE:
        end_ms = min(end_ms, start_ms + 600_000)
    found = buckets(start_ms, end_ms, interval, zone, week_start)
    assert (np.diff(found.edges_ms) > 0).all()
    assert len(found.labels) == len(found.edges_ms) - 1
    assert found.edges_ms[0] <= start_ms
    assert found.edges_ms[-2] < end_ms <= found.edges_ms[-1]
    for time_ms in np.linspace(start_ms, end_ms - 1, 30).astype(int).tolist():
        label = found.labels[int(np.searchsorted(found.edges_ms, time_ms, side="right")) - 1]
        day = date_of(time_ms, zone)
        if interval is Interval.DAY:
            assert label == day.isoformat()
        elif interval is Interval.WEEK:
            week = day - timedelta((day.isoweekday() - week_start) % 7)
            # The first day of the week may not exist.
            assert label in (week.isoformat(), (week + timedelta(1)).isoformat())
        elif interval is Interval.MONTH:
            assert label == day.replace(day=1).isoformat()
        elif interval is Interval.HOUR:
            begin = datetime.fromisoformat(label)
            assert 0 <= time_ms / 1000 - begin.timestamp() < 5400
