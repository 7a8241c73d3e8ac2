"""Paths beside an oracle that walks through each person's events."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.errors import ReportError
from analytics.product.paths import PathQuestion, PathReport, PathReports, PathStep, PathUnit
from storage.api.events import EventSelection, EventStep
from storage.api.new_events import NewEvent
from storage.events import DuckEventStore

NOW_MS = 1_764_000_000_000
MINUTE_MS = 60_000
PROJECTS = itertools.count(1)
Row = tuple[str, str, int]
"""Name, person and minute of an event."""


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


async def answer(store: DuckEventStore, rows: Sequence[Row], question: PathQuestion) -> PathReport:
    project = next(PROJECTS)
    events = [
        NewEvent(f"{n}", name, NOW_MS + minute * MINUTE_MS, person)
        for n, (name, person, minute) in enumerate(rows)
    ]
    if events:
        await store.append(project, events, NOW_MS + 10**9)
    selection = EventSelection(project, NOW_MS, NOW_MS + 10**9)
    return await PathReports(store.activity).report(selection, question)


def shape(steps: Sequence[PathStep]) -> dict[str, object]:
    return {
        step.name: (step.count, step.ended, step.other, shape(step.following)) for step in steps
    }


VISITS: list[Row] = [
    ("home", "ann", 0),
    ("home", "ann", 1),
    ("plans", "ann", 2),
    ("buy", "ann", 3),
    ("home", "ann", 100),
    ("home", "bob", 0),
    ("help", "bob", 5),
]


async def test_each_session_is_a_path(store: DuckEventStore) -> None:
    report = await answer(store, VISITS, PathQuestion())
    assert (report.unit, report.total) == (PathUnit.SESSIONS, 3)
    assert shape(report.first) == {
        "home": (
            3,
            1,
            0,
            {
                "help": (1, 1, 0, {}),
                "plans": (1, 0, 0, {"buy": (1, 1, 0, {})}),
            },
        )
    }


async def test_a_person_takes_one_path_across_sessions(store: DuckEventStore) -> None:
    question = PathQuestion(unit=PathUnit.PERSONS, joins_repeats=False, depth=2)
    report = await answer(store, VISITS, question)
    assert report.total == 2
    assert shape(report.first) == {
        "home": (2, 0, 0, {"help": (1, 1, 0, {}), "home": (1, 0, 1, {})})
    }


async def test_paths_begin_with_the_start_event(store: DuckEventStore) -> None:
    report = await answer(store, VISITS, PathQuestion(start=EventStep("plans")))
    assert shape(report.first) == {"plans": (1, 0, 0, {"buy": (1, 1, 0, {})})}


async def test_paths_lead_to_the_end_event(store: DuckEventStore) -> None:
    report = await answer(store, VISITS, PathQuestion(end=EventStep("buy")))
    assert shape(report.first) == {"buy": (1, 0, 0, {"plans": (1, 0, 0, {"home": (1, 1, 0, {})})})}


async def test_events_after_the_window_are_not_on_the_path(store: DuckEventStore) -> None:
    question = PathQuestion(start=EventStep("home"), window_ms=4 * MINUTE_MS, depth=2)
    report = await answer(store, VISITS, question)
    assert shape(report.first) == {"home": (3, 2, 0, {"plans": (1, 0, 1, {})})}


async def test_rarer_branches_are_counted_as_other(store: DuckEventStore) -> None:
    rows = [("home", f"p{n}", 0) for n in range(6)]
    rows += [(name, f"p{n}", 1) for n, name in enumerate(["a", "a", "a", "b", "c"])]
    report = await answer(store, rows, PathQuestion(branches=1))
    (home,) = report.first
    assert (home.count, home.ended, home.other, home.other_names) == (6, 1, 2, 2)
    assert shape(home.following) == {"a": (3, 3, 0, {})}


async def test_events_at_one_time_follow_in_the_order_of_their_arrival(
    store: DuckEventStore,
) -> None:
    report = await answer(store, [("b", "ann", 0), ("a", "ann", 0)], PathQuestion())
    assert shape(report.first) == {"b": (1, 0, 0, {"a": (1, 1, 0, {})})}


async def test_a_project_without_events_has_no_path(store: DuckEventStore) -> None:
    report = await answer(store, [], PathQuestion(start=EventStep("home")))
    assert (report.total, report.first) == (0, [])


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (PathQuestion(start=EventStep("a"), end=EventStep("b")), "end"),
        (PathQuestion(depth=0), "depth"),
        (PathQuestion(branches=0), "branches"),
        (PathQuestion(gap_ms=0), "gap"),
        (PathQuestion(window_ms=0), "window"),
    ],
)
async def test_a_question_without_an_answer_names_its_field(
    store: DuckEventStore, question: PathQuestion, field: str
) -> None:
    with pytest.raises(ReportError) as caught:
        await answer(store, [], question)
    assert caught.value.field == field


def by_hand(rows: Sequence[Row], question: PathQuestion) -> Counter[tuple[str, ...]]:
    """Return all paths, one event longer than the question asks."""
    of_person: dict[str, list[tuple[int, int, str]]] = {}
    for n, (name, person, minute) in enumerate(rows):
        of_person.setdefault(person, []).append((minute * MINUTE_MS, n, name))
    visits: list[list[tuple[int, str]]] = []
    for events in of_person.values():
        last_ms = None
        for at, _, name in sorted(events):
            is_apart = last_ms is not None and at - last_ms > question.gap_ms
            if last_ms is None or (is_apart and question.unit is PathUnit.SESSIONS):
                visits.append([])
            visits[-1].append((at, name))
            last_ms = at
    paths: Counter[tuple[str, ...]] = Counter()
    for visit in visits:
        way = on_the_way(visit, question)
        if way is not None:
            paths[way[: question.depth + 1]] += 1
    return paths


def on_the_way(visit: list[tuple[int, str]], question: PathQuestion) -> tuple[str, ...] | None:
    """Return the names from the anchor on, None without an anchor."""
    anchor = question.start or question.end
    if anchor is None:
        position = 0
    else:
        names = [name for _, name in visit]
        if anchor.name not in names:
            return None
        position = names.index(anchor.name or "")
    way = visit[: position + 1][::-1] if question.end else visit[position:]
    window_ms = question.window_ms
    kept = [way[0][1]]
    for (_, before), (at, name) in itertools.pairwise(way):
        if window_ms is not None and abs(at - way[0][0]) > window_ms:
            break
        if not (question.joins_repeats and name == before):
            kept.append(name)
    return tuple(kept)


def check(
    steps: Sequence[PathStep],
    before: tuple[str, ...],
    paths: Counter[tuple[str, ...]],
    question: PathQuestion,
) -> None:
    """Compare steps with the paths that begin with `before`."""
    at = len(before)
    for step in steps:
        way = (*before, step.name)
        through = Counter({path: n for path, n in paths.items() if path[: at + 1] == way})
        assert step.count == through.total()
        assert step.ended == paths[way]
        assert step.count == step.ended + step.other + sum(each.count for each in step.following)
        following = Counter[str]()
        for path, n in through.items():
            if len(path) > at + 1:
                following[path[at + 1]] += n
        shown = 0 if len(way) == question.depth else min(len(following), question.branches)
        ranked = sorted(following, key=lambda name: (-following[name], name))
        assert [each.name for each in step.following] == ranked[:shown]
        assert step.other_names == len(following) - shown
        check(step.following, way, paths, question)


ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["ann", "bob", "eve"]), st.integers(0, 40)),
    max_size=25,
)
QUESTIONS = st.builds(
    PathQuestion,
    st.sampled_from([None, EventStep("a")]),
    st.none(),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from(PathUnit),
    st.integers(1, 10).map(lambda minutes: minutes * MINUTE_MS),
    st.none() | st.integers(1, 20).map(lambda minutes: minutes * MINUTE_MS),
    st.booleans(),
) | st.builds(
    PathQuestion,
    st.none(),
    st.just(EventStep("b")),
    st.integers(1, 5),
    st.integers(1, 4),
    joins_repeats=st.booleans(),
    window_ms=st.none() | st.integers(1, 20).map(lambda minutes: minutes * MINUTE_MS),
)


@pytest.mark.slow
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, QUESTIONS)
async def test_counts_are_those_of_walking_through_the_events(
    store: DuckEventStore, rows: Sequence[Row], question: PathQuestion
) -> None:
    report = await answer(store, rows, question)
    paths = by_hand(rows, question)
    assert report.total == paths.total()
    assert report.total == report.other + sum(step.count for step in report.first)
    check(report.first, (), paths, question)
