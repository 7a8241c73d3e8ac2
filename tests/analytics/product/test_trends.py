"""Trends over a real store beside an oracle that counts by hand."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.product.trends import TrendEvent, TrendReports, TrendsQuestion, TrendValues
from analytics.statistics.calendar import Interval, buckets
from storage.api.events import EventStep
from storage.api.reports.conditions import Operator, PropertyCondition
from storage.api.reports.measures import EventMeasure
from storage.events import DuckEventStore
from tests.analytics.product.event_builders import Happened, project_with, within

HOUR_MS = 3_600_000
QUANTILES = {
    EventMeasure.MEDIAN: 0.5,
    EventMeasure.P90: 0.9,
    EventMeasure.P95: 0.95,
    EventMeasure.P99: 0.99,
}


# At import: loading a zone reads a file.
ZONES = {
    name: ZoneInfo(name)
    for name in ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata")
}


def ms(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONES[zone]).timestamp() * 1000)


def by_hand(events: Sequence[Happened], measure: EventMeasure) -> float | None:
    persons = {each.person for each in events}
    numbers = [
        value
        for each in events
        if isinstance(value := each.properties.get("n"), int | float)
        and not isinstance(value, bool)
    ]
    if measure is EventMeasure.EVENTS:
        return len(events)
    if measure is EventMeasure.PERSONS:
        return len(persons)
    if measure is EventMeasure.PER_PERSON:
        return len(events) / len(persons) if persons else None
    if measure is EventMeasure.SUM:
        return sum(numbers)
    if not numbers:
        return None
    if measure in QUANTILES:
        return float(np.quantile(numbers, QUANTILES[measure]))
    if measure is EventMeasure.MEAN:
        return float(np.mean(numbers))
    return float(min(numbers) if measure is EventMeasure.LEAST else max(numbers))


def check(
    found: TrendValues, events: Sequence[Happened], edges: Any, measure: EventMeasure
) -> None:
    assert found.total == pytest.approx(by_hand(events, measure))
    for value, start, end in zip(found.values, edges, edges[1:], strict=False):
        inside = [each for each in events if start <= each.time_ms < end]
        assert value == pytest.approx(by_hand(inside, measure))


SPANS = {
    # Clocks go back, forward, and by half an hour.
    "Europe/Berlin": ("2026-10-24", "2026-10-27"),
    "America/St_Johns": ("2026-03-07", "2026-03-10"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-04-07"),
    "Asia/Kolkata": ("2026-02-27", "2026-03-02"),
}
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3 * 24 * 4 - 4),
        st.sampled_from(["ann", "bob", "cat"]),
        st.sampled_from(["open", "buy"]),
        st.sampled_from([None, "free", "pro", "team"]),
        st.sampled_from([None, 1, 2.5, "3", True, -4]),
    ),
    max_size=30,
)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    EVENTS,
    st.sampled_from(list(SPANS)),
    st.sampled_from([Interval.HOUR, Interval.DAY, Interval.WEEK, Interval.MONTH]),
    st.sampled_from(list(EventMeasure)),
)
async def test_measures_equal_those_counted_by_hand(
    store: DuckEventStore,
    rows: Sequence[tuple[int, str, str, Any, Any]],
    zone: str,
    interval: Interval,
    measure: EventMeasure,
) -> None:
    start_ms, end_ms = (ms(date, zone) for date in SPANS[zone])
    events = [
        Happened(
            person,
            name,
            start_ms + quarter * HOUR_MS // 4,
            {key: value for key, value in (("plan", plan), ("n", n)) if value is not None},
        )
        for quarter, person, name, plan, n in rows
    ]
    project = await project_with(store, events, zone)
    asked = TrendsQuestion(
        (
            TrendEvent(EventStep("buy"), "buy", measure, "n"),
            TrendEvent(
                EventStep(None, PropertyCondition("plan", Operator.IS_SET)), "any", measure, "n"
            ),
        ),
        interval,
    )
    selection = within(project, start_ms, end_ms)
    trends = TrendReports(store, lambda: end_ms)
    report = await trends.report(project, selection, asked)
    edges = buckets(start_ms, end_ms, interval, ZONES[zone]).edges_ms.tolist()
    assert list(report.current.edges_ms) == edges
    chosen = [each for each in events if start_ms <= each.time_ms < end_ms]
    bought = [each for each in chosen if each.name == "buy"]
    planned = [each for each in chosen if "plan" in each.properties]
    check(report.series[0].current, bought, edges, measure)
    check(report.series[1].current, planned, edges, measure)
    broken = replace(asked, breakdown="plan", most_values=2)
    parts = (await trends.report(project, selection, broken)).series
    for label, own in (("buy", bought), ("any", planned)):
        lines = [one for one in parts if one.event.label == label]
        shown = {one.value for one in lines if not one.is_other}
        values = (
            assigned(own)
            if measure.is_of_persons
            else [each.properties.get("plan") for each in own]
        )
        for one in lines:
            events_of_line = [
                each
                for each, value in zip(own, values, strict=True)
                if (value not in shown if one.is_other else value == one.value)
            ]
            check(one.current, events_of_line, edges, measure)
        if measure in (EventMeasure.EVENTS, EventMeasure.PERSONS):
            assert sum(one.current.total or 0 for one in lines) == by_hand(own, measure)


def assigned(events: Sequence[Happened]) -> list[str | None]:
    """Return the first value of the person of each event."""
    first: dict[str, str] = {}
    # Sorting is stable: the earlier arrival is the first of equal times.
    for each in sorted(events, key=lambda each: each.time_ms):
        if "plan" in each.properties:
            first.setdefault(each.person, each.properties["plan"])
    return [first.get(each.person) for each in events]


async def test_the_period_before_has_the_same_lines_and_buckets(store: DuckEventStore) -> None:
    days = ["2026-03-26", "2026-03-27", "2026-03-28", "2026-03-29"]
    events = [
        Happened("ann", "open", ms(f"{day}T12:00", "Europe/Berlin"), {"plan": plan})
        for day, plan, count in zip(days, ("free", "pro", "pro", "pro"), (1, 2, 3, 4), strict=True)
        for _ in range(count)
    ]
    project = await project_with(store, events, "Europe/Berlin")
    selection = within(
        project, ms("2026-03-28", "Europe/Berlin"), ms("2026-03-30", "Europe/Berlin")
    )
    asked = TrendsQuestion((TrendEvent(EventStep("open"), "open"),), breakdown="plan", compare=True)
    now_ms = ms("2026-03-29T13:00", "Europe/Berlin")
    report = await TrendReports(store, lambda: now_ms).report(project, selection, asked)
    # The day on which clocks change is not over.
    assert report.current.is_complete == (True, False)
    assert report.previous is not None
    assert report.previous.labels == ("2026-03-26", "2026-03-27")
    (pro,) = report.series
    assert (pro.value, pro.current.values) == ("pro", (3, 4))
    assert pro.previous == TrendValues((0, 2), 2)


async def test_a_measure_of_a_property_needs_one(store: DuckEventStore) -> None:
    project = await project_with(store, [])
    asked = TrendsQuestion((TrendEvent(EventStep("open"), "open", EventMeasure.MEDIAN),))
    with pytest.raises(ReportError, match="median needs one") as caught:
        await TrendReports(store, lambda: 0).report(project, within(project, 0, HOUR_MS), asked)
    assert caught.value.field == "events[0].property"


async def test_more_points_than_a_chart_shows_are_refused(store: DuckEventStore) -> None:
    project = await project_with(store, [])
    asked = TrendsQuestion(
        (TrendEvent(EventStep("open"), "open"),), Interval.HOUR, breakdown="plan", most_values=100
    )
    with pytest.raises(ReportError, match="points"):
        await TrendReports(store, lambda: 0).report(
            project, within(project, 0, 3000 * HOUR_MS), asked
        )
