"""Bars and uptime: what is known counts, what is not is neither up nor down."""

import zoneinfo
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.api.status.pages import ComponentDay
from web.status_pages.days import (
    ComponentState,
    bar_of,
    day_bounds_ms,
    last_days,
    local_day,
    state_of,
    tally,
    uptime,
    worst,
)

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
_ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Apia",
        "Australia/Lord_Howe",
    ]
).map(zoneinfo.ZoneInfo)
_STATES = st.sampled_from(list(ComponentState))


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)]
)
def test_days_with_a_change_of_time_have_their_own_length(day: date, hours: int) -> None:
    first_ms, next_ms = day_bounds_ms(day, BERLIN)
    assert next_ms - first_ms == hours * 3_600_000
    whole = ComponentDay("a", day.isoformat(), hours * 3600.0, 0, 0, 0)
    assert bar_of(day, BERLIN, whole).known_ratio == 1.0


@given(_ZONES, st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_days_follow_each_other_without_a_gap(zone: zoneinfo.ZoneInfo, day: date) -> None:
    first_ms, next_ms = day_bounds_ms(day, zone)
    assert next_ms == day_bounds_ms(day + timedelta(days=1), zone)[0]
    assert local_day(first_ms, zone) in (day, day + timedelta(days=1))
    if next_ms > first_ms:
        assert local_day(next_ms - 1, zone) == day


@given(_ZONES, st.integers(1_577_836_800_000, 1_893_456_000_000))
def test_today_is_the_last_of_ninety_days(zone: zoneinfo.ZoneInfo, now_ms: int) -> None:
    days = last_days(now_ms, zone)
    assert (len(days), days[-1]) == (90, local_day(now_ms, zone))
    assert days == sorted(set(days))


@given(st.lists(_STATES, max_size=1440))
def test_a_day_adds_up_and_unknown_time_is_left_out(states: list[ComponentState]) -> None:
    day = date(2026, 7, 1)
    found = tally("a", day, states, 60.0)
    unknown_s = 60.0 * states.count(ComponentState.NO_DATA)
    known_s = found.up_s + found.degraded_s + found.down_s + found.maintenance_s
    assert known_s + unknown_s == 60.0 * len(states)
    bar = bar_of(day, BERLIN, found)
    assert bar.known_s == known_s
    assert bar.known_ratio == pytest.approx(known_s / 86_400)
    assert (bar.state is ComponentState.NO_DATA) == (known_s == 0)
    assert (bar.up_ratio is None) == (known_s == found.maintenance_s)


@given(
    st.lists(
        st.tuples(*[st.floats(0, 86_400, allow_nan=False) for _ in range(4)]),
        max_size=90,
    )
)
def test_uptime_is_of_the_known_time_alone(parts: list[tuple[float, float, float, float]]) -> None:
    days = [ComponentDay("a", "", *part) for part in parts]
    found = uptime(days)
    assert found.known_s == pytest.approx(
        sum(up + degraded + down for up, degraded, down, _ in parts)
    )
    if found.ratio is not None:
        assert -1e-9 <= found.ratio <= 1 + 1e-9
    without_down = [ComponentDay("a", "", up, degraded, 0, rest) for up, degraded, _, rest in parts]
    assert uptime(without_down).ratio in (None, 1.0)


def test_no_data_is_drawn_as_no_data_and_never_as_up() -> None:
    bar = bar_of(date(2026, 7, 1), BERLIN, None)
    assert (bar.state, bar.known_ratio, bar.up_ratio) == (ComponentState.NO_DATA, 0.0, None)
    half = bar_of(date(2026, 7, 1), BERLIN, ComponentDay("a", "", 43_200, 0, 0, 0))
    assert (half.state, half.known_ratio, half.up_ratio) == (ComponentState.OPERATIONAL, 0.5, 1.0)
    assert uptime([]).ratio is None


def test_today_can_be_known_up_to_now_only() -> None:
    day = date(2026, 7, 1)
    noon_ms = day_bounds_ms(day, BERLIN)[0] + 43_200_000
    found = ComponentDay("a", "", 43_200, 0, 0, 0)
    assert bar_of(day, BERLIN, found, noon_ms).known_ratio == 1.0
    assert bar_of(day, BERLIN, found, noon_ms + 86_400_000).known_ratio == 0.5


def test_maintenance_counts_neither_for_nor_against_the_uptime() -> None:
    day = ComponentDay("a", "", 3600, 0, 3600, 79_200)
    assert uptime([day]).ratio == 0.5


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (1.0, ComponentState.OPERATIONAL),
        (2.0, ComponentState.OPERATIONAL),
        (0.5, ComponentState.DEGRADED),
        (0.0, ComponentState.DOWN),
        (-1.0, ComponentState.DOWN),
        (float("nan"), ComponentState.NO_DATA),
        (None, ComponentState.NO_DATA),
    ],
)
def test_a_value_is_a_state(value: float | None, state: ComponentState) -> None:
    assert state_of(value) is state


def test_the_worst_state_is_that_of_the_page() -> None:
    states = [ComponentState.NO_DATA, ComponentState.OPERATIONAL, ComponentState.DEGRADED]
    assert worst(states) is ComponentState.DEGRADED
    assert worst([ComponentState.NO_DATA, ComponentState.OPERATIONAL]) is ComponentState.OPERATIONAL
    assert worst([]) is ComponentState.NO_DATA
