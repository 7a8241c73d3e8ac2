import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.values.times import Duration, TimeValue, format_time, load_zone
from alerting.templates.values.values import FunctionError, Value

# 2026-03-05 14:07:09.00345 UTC
TIME = TimeValue(1_772_719_629_003_450_000)


# What Go's Time.Format writes.
@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("2006-01-02T15:04:05Z07:00", "2026-03-05T14:07:09Z"),
        ("Mon, 02 Jan 2006 15:04:05 MST", "Thu, 05 Mar 2026 14:07:09 UTC"),
        ("Monday January _2 3:04PM 06 pm", "Thursday March  5 2:07PM 26 pm"),
        ("1/2 002 __2 4 5 03", "3/5 064  64 7 9 02"),
        ("15:04:05.000 .000000 .999 .999999999", "14:07:09.003 .003450 .003 .00345"),
        ("-0700 -07:00 -07 Z0700", "+0000 +00:00 +00 Z"),
        ("Month Jane at 15h", "Month Jane at 14h"),
    ],
)
def test_layouts_are_those_of_go(layout: str, text: str) -> None:
    assert format_time(TIME, layout) == text


def test_a_time_is_shown_in_its_zone() -> None:
    time = TimeValue(TIME.unix_ns, load_zone("America/New_York"))
    assert str(time) == "2026-03-05 09:07:09.00345 -0500 EST"
    assert format_time(time, "Z07:00 MST") == "-05:00 EST"
    with pytest.raises(FunctionError, match="unknown time zone Nowhere/City"):
        load_zone("Nowhere/City")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (361, "361ns"),
        (1_500, "1.5\u00b5s"),
        (2_000_000, "2ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "1m30s"),
        (-3_600_000_000_000, "-1h0m0s"),
        (3_661_500_000_000, "1h1m1.5s"),
    ],
)
def test_durations_are_written_as_go_writes_them(value: int, text: str) -> None:
    assert str(Duration(value)) == text


@pytest.mark.parametrize(
    ("method", "arguments", "result"),
    [
        ("Unix", (), 1_772_719_629),
        ("UnixMilli", (), 1_772_719_629_003),
        ("Year", (), 2026),
        ("YearDay", (), 64),
        ("Weekday", (), 4),
        ("Add", (Duration(10**9),), TimeValue(TIME.unix_ns + 10**9)),
        ("AddDate", (0, 12, -4), TimeValue(TIME.unix_ns + 361 * 86_400 * 10**9)),
        ("Sub", (TimeValue(TIME.unix_ns - 5),), 5),
        ("Truncate", (Duration(3600 * 10**9),), TimeValue(1_772_719_200 * 10**9)),
        ("Before", (TimeValue(0),), False),
        ("IsZero", (), False),
    ],
)
def test_methods_of_times(method: str, arguments: tuple[Value, ...], result: Value) -> None:
    assert TimeValue.methods[method].call(TIME, *arguments) == result


@given(st.integers(-62_135_510_400, 253_402_214_400))
def test_any_date_is_written(seconds: int) -> None:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
    text = format_time(TimeValue(seconds * 10**9), "2006-01-02 15:04:05")
    assert text == str(moment.replace(tzinfo=None))


def test_a_year_beyond_9999_is_an_error() -> None:
    with pytest.raises(FunctionError, match="outside 1 to 9999"):
        str(TimeValue(10**21))
