"""Retention beside an oracle that steps through dates and persons by hand."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.product.retention import (
    RetentionPeriods,
    RetentionQuestion,
    RetentionReport,
    RetentionReports,
    RetentionStarts,
)
from analytics.statistics.calendar import Interval
from storage.api.events import EventSelection, EventStep
from storage.api.new_events import NewEvent, PersonMerge
from storage.api.projects import Project, ProjectSettings
from storage.api.reports.conditions import Operator, PropertyCondition
from storage.events import DuckEventStore

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OPEN, BUY = EventStep("open"), EventStep("buy")
NUMBERS = itertools.count(1)
ZONES = {
    name: ZoneInfo(name)
    for name in (
        "UTC",
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
    )
}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def ms(text: str, zone: str = "UTC") -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZONES[zone])
    return round(moment.timestamp() * 1000)


@dataclass(frozen=True)
class Given:
    """A project with events: name, person, time, and whether it has the property `pro`."""

    store: DuckEventStore
    project: Project
    now_ms: int

    @property
    def reports(self) -> RetentionReports:
        return RetentionReports(self.store.activity, lambda: self.now_ms)

    async def ask(self, start_ms: int, end_ms: int, question: RetentionQuestion) -> RetentionReport:
        selection = EventSelection(self.project.id, start_ms, end_ms)
        return await self.reports.report(self.project, selection, question)


async def given_events(
    store: DuckEventStore,
    rows: Sequence[tuple[str, str, int]],
    *,
    zone: str = "UTC",
    week_start: int = 1,
    now_ms: int = 2**41,
) -> Given:
    number = next(NUMBERS)
    events = [NewEvent(f"{n}", name, at, person) for n, (name, person, at) in enumerate(rows)]
    if events:
        await store.append(number, events, 2**42)
    settings = ProjectSettings("p", zone, week_start)
    return Given(store, Project(number, f"k{number}", 0, settings), now_ms)


def grid(report: RetentionReport) -> dict[str, list[int]]:
    """Return size and counts by cohort, without empty cohorts."""
    return {
        cohort.label: [cohort.size, *(cell.persons for cell in cohort.cells)]
        for cohort in report.cohorts
        if cohort.size
    }


async def test_cohort_and_return_days_are_dates_of_the_zone(store: DuckEventStore) -> None:
    # PostHog #17415, PR #79002: east of UTC, both events are on the 2nd in UTC.
    zone = "Asia/Tokyo"
    rows = [
        ("open", "ann", ms("2025-03-03T01:00", zone)),
        ("buy", "ann", ms("2025-03-04T01:00", zone)),
    ]
    data = await given_events(store, rows, zone=zone)
    question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=2)
    report = await data.ask(ms("2025-03-03", zone), ms("2025-03-05", zone), question)
    assert grid(report) == {"2025-03-03": [1, 0, 1, 0]}
    assert report.time_zone == zone


@pytest.mark.parametrize(("week_start", "label"), [(1, "2025-03-03"), (7, "2025-03-09")])
async def test_weeks_begin_on_the_day_of_the_project(
    store: DuckEventStore, week_start: int, label: str
) -> None:
    # PostHog #25841. 9 March 2025 is a Sunday.
    rows = [("open", "ann", ms("2025-03-09T12:00")), ("buy", "ann", ms("2025-03-10T12:00"))]
    data = await given_events(store, rows, week_start=week_start)
    question = RetentionQuestion(OPEN, BUY, periods=1)
    report = await data.ask(ms("2025-03-09"), ms("2025-03-10"), question)
    expected = [1, 0, 1] if week_start == 1 else [1, 1, 0]
    assert grid(report) == {label: expected}


async def test_calendar_days_and_days_from_the_own_start_are_both_there(
    store: DuckEventStore,
) -> None:
    # PostHog #2227: 20 hours later is the next date, but within 24 hours.
    rows = [("open", "ann", ms("2025-03-03T22:00")), ("buy", "ann", ms("2025-03-04T18:00"))]
    data = await given_events(store, rows)
    answers = {}
    for kind in RetentionPeriods:
        question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=1, kind=kind)
        answers[kind] = grid(await data.ask(ms("2025-03-03"), ms("2025-03-04"), question))
    assert answers == {
        RetentionPeriods.CALENDAR: {"2025-03-03": [1, 0, 1]},
        RetentionPeriods.ELAPSED: {"2025-03-03": [1, 1, 0]},
    }


async def test_month_cohorts_compare_starts_of_months(store: DuckEventStore) -> None:
    # PostHog PR #20103: 31 January and 1 March are two months apart, though 29 days.
    rows = [("open", "ann", ms("2025-01-31T12:00")), ("open", "ann", ms("2025-03-01T12:00"))]
    data = await given_events(store, rows)
    question = RetentionQuestion(OPEN, OPEN, Interval.MONTH, periods=2)
    report = await data.ask(ms("2025-01-01"), ms("2025-02-01"), question)
    assert grid(report) == {"2025-01-01": [1, 0, 0, 1]}


async def test_no_day_is_doubled_or_missing_where_clocks_change(store: DuckEventStore) -> None:
    # PostHog #31775, #30124: 30 March 2025 has 23 hours in Berlin, 26 October 25.
    zone = "Europe/Berlin"
    for first in ("2025-03-29", "2025-10-25"):
        day = date.fromisoformat(first)
        rows = [("open", "ann", ms(f"{day}T23:30", zone))]
        rows += [("buy", "ann", ms(f"{day + timedelta(n)}T00:10", zone)) for n in range(1, 4)]
        data = await given_events(store, rows, zone=zone)
        question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=4)
        report = await data.ask(ms(first, zone), ms(f"{day + timedelta(1)}", zone), question)
        assert grid(report) == {first: [1, 0, 1, 1, 1, 0]}


async def test_an_event_is_not_its_own_return(store: DuckEventStore) -> None:
    at = ms("2025-03-03T12:00")
    data = await given_events(
        store, [("open", "ann", at), ("open", "bob", at), ("open", "bob", at)]
    )
    question = RetentionQuestion(OPEN, OPEN, Interval.DAY, periods=1)
    report = await data.ask(ms("2025-03-03"), ms("2025-03-04"), question)
    assert grid(report) == {"2025-03-03": [2, 1, 0]}


async def test_a_period_that_is_not_over_is_marked(store: DuckEventStore) -> None:
    rows = [("open", "ann", ms("2025-03-03T12:00")), ("open", "bob", ms("2025-03-04T12:00"))]
    data = await given_events(store, rows, now_ms=ms("2025-03-04T18:00"))
    question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=3)
    report = await data.ask(ms("2025-03-03"), ms("2025-03-05"), question)
    assert [[cell.is_complete for cell in cohort.cells] for cohort in report.cohorts] == [
        [True, False],
        [False],
    ]
    assert [cohort.is_complete for cohort in report.cohorts] == [True, False]
    assert [(cell.period, cell.size) for cell in report.overall] == [(0, 1)]


async def test_elapsed_periods_are_over_when_those_of_the_last_start_are(
    store: DuckEventStore,
) -> None:
    rows = [("open", "ann", ms("2025-03-03T23:00"))]
    data = await given_events(store, rows, now_ms=ms("2025-03-05T12:00"))
    question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=3, kind=RetentionPeriods.ELAPSED)
    report = await data.ask(ms("2025-03-03"), ms("2025-03-04"), question)
    assert [cell.is_complete for cell in report.cohorts[0].cells] == [True, False, False]


async def test_a_start_before_the_range_excludes_a_person_only_with_first_ever_starts(
    store: DuckEventStore,
) -> None:
    rows = [("open", "ann", ms("2025-01-01")), ("open", "ann", ms("2025-03-03"))]
    data = await given_events(store, rows)
    sizes = {}
    for starts, kind in itertools.product(RetentionStarts, RetentionPeriods):
        question = RetentionQuestion(OPEN, OPEN, Interval.DAY, periods=1, starts=starts, kind=kind)
        report = await data.ask(ms("2025-03-03"), ms("2025-03-04"), question)
        sizes[starts, kind] = report.cohorts[0].size
    assert sizes == {
        (starts, kind): int(starts is RetentionStarts.RECURRING)
        for starts, kind in itertools.product(RetentionStarts, RetentionPeriods)
    }


async def test_merged_ids_are_one_person(store: DuckEventStore) -> None:
    # PostHog #22731.
    rows = [("open", "anon", ms("2025-03-03")), ("open", "ann", ms("2025-03-04"))]
    data = await given_events(store, rows)
    await store.identify(data.project.id, [PersonMerge("anon", "ann")])
    question = RetentionQuestion(OPEN, OPEN, Interval.DAY, periods=1)
    report = await data.ask(ms("2025-03-03"), ms("2025-03-05"), question)
    assert grid(report) == {"2025-03-03": [1, 0, 1]}
    selection = EventSelection(data.project.id, ms("2025-03-03"), ms("2025-03-05"))
    assert await data.reports.persons(data.project, selection, question, 0, 1) == ["ann"]


async def test_a_cell_has_its_rate_with_an_interval(store: DuckEventStore) -> None:
    rows = [("open", f"p{n}", ms("2025-03-03")) for n in range(10)]
    rows += [("buy", f"p{n}", ms("2025-03-04")) for n in range(4)]
    data = await given_events(store, rows)
    question = RetentionQuestion(OPEN, BUY, Interval.DAY, periods=1)
    report = await data.ask(ms("2025-03-03"), ms("2025-03-04"), question)
    rate = report.cohorts[0].cells[1].rate
    assert rate.rate == 0.4
    # Wilson's interval of 4 of 10.
    assert rate.low == pytest.approx(0.1682, abs=1e-4)
    assert rate.high == pytest.approx(0.6873, abs=1e-4)
    assert report.overall[1].rate == rate


async def test_steps_and_the_selection_have_conditions(store: DuckEventStore) -> None:
    at = ms("2025-03-03")
    data = await given_events(store, [])
    await store.append(
        data.project.id,
        [
            NewEvent("1", "open", at, "ann", '{"plan":"pro"}'),
            NewEvent("2", "open", at, "bob", '{"plan":"free"}'),
            NewEvent("3", "buy", at + DAY_MS, "ann", '{"plan":"pro"}'),
        ],
        2**42,
    )
    is_pro = PropertyCondition("plan", Operator.EQUALS, ("pro",))
    question = RetentionQuestion(EventStep("open", is_pro), BUY, Interval.DAY, periods=1)
    assert grid(await data.ask(at, at + 1, question)) == {"2025-03-03": [1, 0, 1]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cohort": Interval.MINUTE}, "cohort"),
        ({"period": Interval.MONTH}, "period"),
        ({"cohort": Interval.MONTH, "period": Interval.WEEK}, "period"),
        ({"periods": 0}, "periods"),
        ({"periods": 121}, "periods"),
        ({"cohort": Interval.MONTH, "kind": RetentionPeriods.ELAPSED}, "period"),
        ({"cohort": Interval.HOUR}, "from"),
        ({"time_zone": "Mars"}, "time_zone"),
    ],
)
async def test_a_question_without_an_answer_names_its_field(
    store: DuckEventStore, changes: dict[str, object], field: str
) -> None:
    data = await given_events(store, [])
    question = RetentionQuestion(OPEN, **changes)  # type: ignore[arg-type]
    with pytest.raises(ReportError) as caught:
        await data.ask(ms("2025-01-01"), ms("2025-03-01"), question)
    assert caught.value.field == field


# Clocks change in Berlin on 30 March 2025, on Lord Howe Island by half an hour on 6 April.
BEGIN_MS = ms("2025-03-20T00:00:00+00:00")
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["open", "buy"]),
        st.sampled_from(["ann", "bob", "eve", "anon"]),
        st.integers(0, 30 * 48).map(lambda halves: BEGIN_MS + halves * HOUR_MS // 2),
    ),
    max_size=30,
)


def step_names(step: EventStep) -> set[str]:
    return {"open", "buy"} if step.name is None else {step.name}


def period_number(time_ms: int, interval: Interval, zone: ZoneInfo, week_start: int) -> int:
    """Return a number for the date, week or month of a time: consecutive ones differ by one."""
    day = datetime.fromtimestamp(time_ms / 1000, zone).date()
    if interval is Interval.MONTH:
        return day.year * 12 + day.month
    if interval is Interval.WEEK:
        return (day.toordinal() - (week_start % 7)) // 7
    return day.toordinal()


@dataclass(frozen=True)
class ByHand:
    """The oracle."""

    rows: Sequence[tuple[str, str, int]]
    zone: ZoneInfo
    week_start: int
    question: RetentionQuestion
    start_ms: int
    end_ms: int

    def number(self, time_ms: int, interval: Interval) -> int:
        return period_number(time_ms, interval, self.zone, self.week_start)

    def cohort(self, time_ms: int) -> int:
        return self.number(time_ms, self.question.cohort)

    def members(self) -> list[tuple[int, str, int, int]]:
        """Return cohort, person, time and position of each start that counts."""
        found: dict[tuple[int, str], tuple[int, int]] = {}
        names = step_names(self.question.start)
        ordered = sorted((at, n, name, who) for n, (name, who, at) in enumerate(self.rows))
        ever: dict[str, int] = {}
        for at, n, name, who in ordered:
            if name in names:
                cohort = self.cohort(at)
                is_first = ever.setdefault(who, n) == n
                if is_first or self.question.starts is RetentionStarts.RECURRING:
                    found.setdefault((cohort, who), (at, n))
        wanted = range(self.cohort(self.start_ms), self.cohort(self.end_ms - 1) + 1)
        return [(c, who, *place) for (c, who), place in found.items() if c in wanted]

    def periods_of(self, person: str, at: int, position: int) -> set[int]:
        """Return the periods in which a person comes back."""
        question, found = self.question, set()
        interval = question.period or question.cohort
        for n, (name, who, time_ms) in enumerate(self.rows):
            if (
                who == person
                and name in step_names(question.back)
                and (time_ms, n) > (at, position)
            ):
                if question.kind is RetentionPeriods.CALENDAR:
                    period = self.number(time_ms, interval) - self.number(at, interval)
                else:
                    length = DAY_MS if interval is Interval.DAY else 7 * DAY_MS
                    period = (time_ms - at) // length
                found.add(period)
        if question.is_unbounded and found:
            found = set(range(max(found) + 1))
        return found

    def cells(self) -> dict[tuple[int, int], set[str]]:
        """Return the persons by cohort and period; period -1 for the whole cohort."""
        cells: dict[tuple[int, int], set[str]] = {}
        for cohort, who, at, position in self.members():
            for period in {-1, *self.periods_of(who, at, position)}:
                cells.setdefault((cohort, period), set()).add(who)
        return cells


QUESTIONS = st.builds(
    RetentionQuestion,
    st.sampled_from([OPEN, EventStep(None)]),
    st.sampled_from([OPEN, BUY, EventStep(None)]),
    st.sampled_from([Interval.DAY, Interval.WEEK, Interval.MONTH]),
    st.sampled_from([None, Interval.DAY]),
    st.integers(1, 5),
    st.sampled_from(RetentionStarts),
    st.sampled_from(RetentionPeriods),
    st.booleans(),
).filter(
    lambda one: (
        one.kind is RetentionPeriods.CALENDAR or (one.period or one.cohort) is not Interval.MONTH
    )
)


@pytest.mark.slow
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ROWS,
    QUESTIONS,
    st.sampled_from(sorted(ZONES)),
    st.sampled_from([1, 7]),
    st.integers(0, 20),
    st.integers(1, 15),
)
async def test_counts_and_persons_are_those_of_stepping_through_dates(
    store: DuckEventStore,
    rows: Sequence[tuple[str, str, int]],
    question: RetentionQuestion,
    zone: str,
    week_start: int,
    first_day: int,
    days: int,
) -> None:
    data = await given_events(store, rows, zone=zone, week_start=week_start)
    await store.identify(data.project.id, [PersonMerge("anon", "ann")])
    merged = [(name, "ann" if who == "anon" else who, at) for name, who, at in rows]
    start_ms = BEGIN_MS + first_day * DAY_MS
    end_ms = start_ms + days * DAY_MS
    hand = ByHand(merged, ZONES[zone], week_start, question, start_ms, end_ms)
    expected = hand.cells()
    report = await data.ask(start_ms, end_ms, question)
    selection = EventSelection(data.project.id, start_ms, end_ms)
    for cohort in report.cohorts:
        number = hand.cohort(cohort.start_ms)
        found = [cohort.size, *(cell.persons for cell in cohort.cells)]
        periods = range(-1, question.periods + 1)
        assert found == [len(expected.get((number, period), ())) for period in periods]
    index = days % len(report.cohorts)
    persons = await data.reports.persons(data.project, selection, question, index, 1)
    number = hand.cohort(report.cohorts[index].start_ms)
    named = {"ann" if who == "anon" else who for who in persons}
    assert (len(persons), named) == (
        len(expected.get((number, 1), ())),
        expected.get((number, 1), set()),
    )
