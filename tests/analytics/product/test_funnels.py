"""Funnels over a real store: numbers, parts and the persons behind them."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.product.funnel_reports import FunnelReports
from analytics.product.funnels import (
    ExcludedEvent,
    FunnelFigures,
    FunnelQuestion,
    Outcome,
    PersonsAt,
)
from analytics.statistics.funnel import FunnelOrder
from storage.api.events import EventQueryError, EventSelection, EventStep
from storage.api.new_events import PersonMerge
from storage.api.projects import Project
from storage.api.reports.conditions import Operator, PropertyCondition
from storage.events import DuckEventStore
from tests.analytics.product.event_builders import Happened, project_with, within

HOUR_MS = 3_600_000
START_MS = 1_764_000_000_000


def at(hour: float, person: str, name: str, **properties: Any) -> Happened:
    return Happened(person, name, START_MS + round(hour * HOUR_MS), properties)


def question(*names: str, **changes: Any) -> FunnelQuestion:
    settings = {"window_ms": 10 * HOUR_MS, **changes}
    return FunnelQuestion(tuple(EventStep(name) for name in names), names, **settings)


def reports(store: DuckEventStore, now_hour: float = 1000) -> FunnelReports:
    return FunnelReports(store, lambda: START_MS + round(now_hour * HOUR_MS))


def hours(project: Project, start: float, end: float) -> EventSelection:
    return within(project, START_MS + round(start * HOUR_MS), START_MS + round(end * HOUR_MS))


def users(figures: FunnelFigures) -> list[int]:
    return [step.persons for step in figures.steps]


async def test_persons_who_enter_late_in_the_range_may_finish_after_it(
    store: DuckEventStore,
) -> None:
    # PostHog #44204.
    project = await project_with(store, [at(9, "ann", "open"), at(14, "ann", "buy")])
    report = await reports(store).report(hours(project, 0, 10), question("open", "buy"))
    assert users(report.all) == [1, 1]


async def test_a_window_that_is_not_over_is_open_and_not_lost(store: DuckEventStore) -> None:
    # PostHog #33605, #7645.
    events = [at(0, "ann", "open"), at(5, "bob", "open"), at(6, "bob", "buy"), at(9, "cat", "open")]
    project = await project_with(store, events)
    report = await reports(store, 15).report(hours(project, 0, 20), question("open", "buy"))
    step = report.all.steps[1]
    assert (step.persons, step.dropped, step.open) == (1, 1, 1)


async def test_merged_ids_are_one_person_in_earlier_events_too(store: DuckEventStore) -> None:
    # PostHog #22731.
    project = await project_with(store, [at(0, "anon", "open"), at(1, "ann", "buy")])
    asked = hours(project, 0, 10), question("open", "buy")
    assert users((await reports(store).report(*asked)).all) == [1, 0]
    await store.identify(project.id, [PersonMerge("anon", "ann")])
    assert users((await reports(store).report(*asked)).all) == [1, 1]
    persons = (await reports(store).persons(*asked, PersonsAt(2))).persons
    assert [person.distinct_id for person in persons] == ["ann"]


async def test_a_funnel_counts_persons_and_not_sessions_in_every_step(
    store: DuckEventStore,
) -> None:
    # Databuddy #178, #180: both steps twice, two days apart, and the last one in a third visit.
    visits = [at(day * 48, "ann", name) for day in range(2) for name in ("open", "buy")]
    project = await project_with(store, [*visits, at(100, "ann", "buy"), at(1, "bob", "open")])
    found = await reports(store).report(hours(project, 0, 200), question("open", "buy"))
    assert users(found.all) == [2, 1]


async def test_a_person_counts_once_under_a_breakdown(store: DuckEventStore) -> None:
    # PostHog #3953: the first value that the person had.
    events = [
        at(0, "ann", "open"),
        at(1, "ann", "open", plan="free"),
        at(2, "ann", "buy", plan="pro"),
        at(0, "bob", "open", plan="pro"),
        at(0, "cat", "open"),
    ]
    project = await project_with(store, events)
    asked = question("open", "buy", breakdown="plan")
    report = await reports(store).report(hours(project, 0, 10), asked)
    assert users(report.all) == [3, 1]
    assert {part.value: users(part) for part in report.parts} == {
        "free": [1, 1],
        "pro": [1, 0],
        None: [1, 0],
    }


async def test_values_beyond_the_limit_share_one_part(store: DuckEventStore) -> None:
    events = [at(0, f"p{index}", "open", n=index // 2) for index in range(7)]
    project = await project_with(store, events)
    asked = question("open", breakdown="n", most_values=2)
    report = await reports(store).report(hours(project, 0, 10), asked)
    assert [(part.value, part.is_other, users(part)) for part in report.parts] == [
        ("0", False, [2]),
        ("1", False, [2]),
        (None, True, [3]),
    ]


async def test_times_to_convert_are_from_step_to_step_and_in_all(store: DuckEventStore) -> None:
    events = [
        *(at(hour, "ann", name) for hour, name in ((0, "open"), (1, "add"), (3, "buy"))),
        *(at(hour, "bob", name) for hour, name in ((0, "open"), (2, "add"), (8, "buy"))),
        *(at(hour, "cat", name) for hour, name in ((0, "open"), (6, "add"))),
    ]
    project = await project_with(store, events)
    report = await reports(store).report(hours(project, 0, 10), question("open", "add", "buy"))
    found = [(step.median_s, step.mean_s) for step in report.all.steps]
    assert found == [(None, None), (7200.0, 10800.0), (14400.0, 14400.0)]
    assert (report.all.whole.median_s, report.all.whole.mean_s) == (19800.0, 19800.0)


async def test_an_invalid_filter_of_a_step_is_one_error(store: DuckEventStore) -> None:
    project = await project_with(store, [at(0, "ann", "open")])
    step = EventStep("open", PropertyCondition("plan", Operator.MATCHES, ("(",)))
    asked = FunnelQuestion((step,), ("open",))
    with pytest.raises(EventQueryError, match="'plan': bad expression"):
        await reports(store).report(hours(project, 0, 10), asked)


async def test_other_events_come_between_unless_the_order_is_strict(store: DuckEventStore) -> None:
    events = [at(0, "ann", "open"), at(1, "ann", "look"), at(2, "ann", "buy")]
    project = await project_with(store, events)
    found = {
        order: users(
            (
                await reports(store).report(
                    hours(project, 0, 10), question("open", "buy", order=order)
                )
            ).all
        )
        for order in FunnelOrder
    }
    assert found == {
        FunnelOrder.ORDERED: [1, 1],
        FunnelOrder.STRICT: [1, 0],
        FunnelOrder.ANY: [1, 1],
    }


async def test_an_excluded_event_between_two_steps_ends_the_attempt(store: DuckEventStore) -> None:
    events = [at(0, "ann", "open"), at(1, "ann", "refund"), at(2, "ann", "buy")]
    project = await project_with(store, events)
    excluded = (ExcludedEvent(EventStep("refund"), 1, 2),)
    asked = question("open", "buy", exclusions=excluded)
    assert users((await reports(store).report(hours(project, 0, 10), asked)).all) == [1, 0]
    in_any_order = question("open", "buy", exclusions=excluded, order=FunnelOrder.ANY)
    found = await reports(store).report(hours(project, 0, 10), in_any_order)
    assert users(found.all) == [1, 0]
    partial = question("open", "refund", "buy", exclusions=excluded, order=FunnelOrder.ANY)
    with pytest.raises(ReportError, match="steps in any order have no place"):
        await reports(store).report(hours(project, 0, 10), partial)
    with pytest.raises(ReportError, match="from 1 to 2"):
        await reports(store).report(
            hours(project, 0, 10),
            question("open", "buy", exclusions=(ExcludedEvent(EventStep("refund"), 2, 2),)),
        )


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from(["ann", "bob", "cat", "anon"]),
        st.sampled_from(["open", "add", "buy"]),
        st.sampled_from([None, "free", "pro", 1]),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS, st.sampled_from(list(FunnelOrder)), st.integers(1, 35), st.booleans())
async def test_lists_are_as_long_as_their_numbers_and_parts_add_up(
    store: DuckEventStore,
    rows: Sequence[tuple[int, str, str, Any]],
    order: FunnelOrder,
    now_hour: int,
    is_merged: bool,
) -> None:
    # PostHog #7058, #8179.
    events = [
        at(hour, person, name, **({} if plan is None else {"plan": plan}))
        for hour, person, name, plan in rows
    ]
    project = await project_with(store, events)
    if is_merged:
        await store.identify(project.id, [PersonMerge("anon", "ann")])
    steps = (
        EventStep("open"),
        EventStep("add", PropertyCondition("plan", Operator.DIFFERS, ("free",))),
        EventStep("buy"),
    )
    asked = FunnelQuestion(
        steps, ("open", "add", "buy"), order, 6 * HOUR_MS, breakdown="plan", most_values=2
    )
    selection, funnels = hours(project, 5, 25), reports(store, now_hour)
    report = await funnels.report(selection, asked)
    for index, step in enumerate(report.all.steps):
        figures = {Outcome.TOOK: step.persons}
        if index:
            figures |= {Outcome.DROPPED: step.dropped, Outcome.OPEN: step.open}
        for outcome, number in figures.items():
            at_step = PersonsAt(index + 1, outcome)
            assert len(await all_persons(funnels, selection, asked, at_step)) == number
        parts = [part.steps[index] for part in report.parts]
        assert sum(part.persons for part in parts) == step.persons
        assert sum(part.dropped for part in parts) == step.dropped
        assert sum(part.open for part in parts) == step.open
    for part in report.parts:
        if not part.is_other:
            at_start = PersonsAt(1, Outcome.TOOK, part.value, by_value=True)
            listed = await all_persons(funnels, selection, asked, at_start)
            assert len(listed) == part.steps[0].persons


async def all_persons(
    funnels: FunnelReports, selection: EventSelection, asked: FunnelQuestion, wanted: PersonsAt
) -> set[str]:
    """Return the persons of all pages of two."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = await funnels.persons(selection, asked, wanted, 2, after)
        found += [person.distinct_id for person in page.persons]
        after = page.next
        if after is None:
            assert page.total == len(found) == len(set(found))
            return set(found)
