import datetime as dt
from pathlib import Path

import pytest

from alerting.routing.files.loader import parse_routing
from alerting.routing.time_intervals import containing


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def holds(interval: str, time: str) -> bool:
    found = parse_routing(
        "route: {receiver: a}\nreceivers: [{name: a}]\n"
        f"time_intervals: [{{name: x, time_intervals: [{interval}]}}]",
        Path("a.yml"),
    ).time_intervals
    return bool(containing(("x",), found, at(time)))


@pytest.mark.parametrize(
    ("interval", "time", "expected"),
    [
        ("{}", "2026-11-29T00:00:00Z", True),
        ('{weekdays: ["monday:friday"]}', "2026-11-29T12:00:00Z", False),
        ("{weekdays: [sunday]}", "2026-11-29T12:00:00Z", True),
        ('{times: [{start_time: "09:00", end_time: "17:00"}]}', "2026-11-29T16:59:59Z", True),
        ('{times: [{start_time: "09:00", end_time: "17:00"}]}', "2026-11-29T17:00:00Z", False),
        ('{days_of_month: ["-3:-1"]}', "2026-02-26T00:00:00Z", True),
        ('{days_of_month: ["-3:-1"]}', "2026-02-25T00:00:00Z", False),
        ('{days_of_month: ["30:31"]}', "2026-02-28T00:00:00Z", False),
        ("{months: [february], years: [2026]}", "2026-02-01T00:00:00Z", True),
        # 02:30 does not exist on this day in Berlin: after 01:59 comes 03:00.
        (
            '{location: Europe/Berlin, times: [{start_time: "02:00", end_time: "03:00"}]}',
            "2026-03-29T01:00:00Z",
            False,
        ),
        # And 02:30 exists twice on this one.
        (
            '{location: Europe/Berlin, times: [{start_time: "02:00", end_time: "03:00"}]}',
            "2026-10-25T00:30:00Z",
            True,
        ),
        (
            '{location: Europe/Berlin, times: [{start_time: "02:00", end_time: "03:00"}]}',
            "2026-10-25T01:30:00Z",
            True,
        ),
        ("{location: America/Chicago, weekdays: [saturday]}", "2026-11-29T03:00:00Z", True),
    ],
)
def test_interval_contains_times(interval: str, time: str, expected: bool) -> None:
    assert holds(interval, time) is expected
