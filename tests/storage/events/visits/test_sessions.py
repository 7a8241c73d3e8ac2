"""Sessions against a brute-force oracle."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.api.events import EventSelection
from storage.api.new_events import NewEvent, NewEvents, PersonMerge
from storage.api.reports.conditions import Operator, PropertyCondition
from storage.api.visits.sessions import SessionFigures, SessionGroup
from storage.events import DuckEventStore

MINUTE_MS = 60_000
IDLE_MS = 30 * MINUTE_MS
START_MS = 1_764_000_000_000 // 86_400_000 * 86_400_000


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def event(
    number: int, minute: float, person: str = "ann", name: str = "$pageview", **properties: str
) -> NewEvent:
    time_ms = START_MS + round(minute * MINUTE_MS)
    found = {f"${key}": value for key, value in properties.items()}
    return NewEvent(f"id-{number}", name, time_ms, person, json.dumps(found))


async def figures(
    store: DuckEventStore, events: Sequence[NewEvent], hours: tuple[float, float] = (0, 24)
) -> SessionFigures:
    await store.append(1, NewEvents.of(events), START_MS + 90_000_000)
    return await found(store, hours)


async def found(
    store: DuckEventStore,
    hours: tuple[float, float] = (0, 24),
    where: PropertyCondition | None = None,
    edges_ms: NDArray[np.int64] | None = None,
) -> SessionFigures:
    start_ms, end_ms = (START_MS + round(hour * 3_600_000) for hour in hours)
    selection = EventSelection(1, start_ms, end_ms, where=where)
    return await store.sessions(selection, IDLE_MS, start_ms + 172_800_000, 10, edges_ms)


async def test_a_pause_ends_a_session_and_one_page_is_a_bounce(store: DuckEventStore) -> None:
    report = await figures(
        store,
        [
            event(1, 0, pathname="/a"),
            event(2, 30, pathname="/b"),
            event(3, 61, pathname="/c"),
            event(4, 5, person="bob", pathname="/a"),
        ],
    )
    assert (report.sessions, report.persons, report.bounces, report.events) == (3, 2, 2, 4)
    assert (report.timed, report.median_s) == (1, 1800.0)
    assert report.entries == [SessionGroup("/a", 2, 1), SessionGroup("/c", 1, 1)]
    assert {group.value for group in report.exits} == {"/a", "/b", "/c"}


async def test_a_visit_over_midnight_belongs_to_its_start(store: DuckEventStore) -> None:
    report = await figures(store, [event(1, 1430), event(2, 1450), event(3, 1470)], (0, 24))
    assert (report.sessions, report.bounces, report.median_s) == (1, 0, 2400.0)
    assert (await found(store, (24, 48))).sessions == 0
    days = START_MS + np.array([0, 24, 48]) * 3_600_000
    series = (await found(store, (0, 48), edges_ms=days)).series
    assert series is not None
    assert series.sessions.tolist() == [1, 0]
    assert series.bounces.tolist() == [0, 0]
    assert series.last_ms.tolist() == [START_MS + 1470 * MINUTE_MS, -1]


async def test_a_visit_that_is_resumed_by_a_link_inside_has_no_source(
    store: DuckEventStore,
) -> None:
    report = await figures(
        store, [event(1, 0, referring_domain="search.example"), event(2, 45, pathname="/b")]
    )
    assert report.sources == [SessionGroup("search.example", 1, 1), SessionGroup(None, 1, 1)]


async def test_the_last_page_has_no_duration_rather_than_none_at_all(
    store: DuckEventStore,
) -> None:
    report = await figures(store, [event(1, 0), event(2, 0, person="bob"), event(3, 10)])
    assert (report.sessions, report.timed, report.median_s) == (2, 1, 600.0)
    assert (await found(store, (5, 6))).median_s is None


async def test_a_filter_chooses_sessions_and_leaves_their_durations_alone(
    store: DuckEventStore,
) -> None:
    whole = await figures(
        store, [event(1, 0, pathname="/a"), event(2, 20, pathname="/b"), event(3, 25)]
    )
    chosen = await found(store, where=PropertyCondition("$pathname", Operator.EQUALS, ("/b",)))
    assert chosen == whole
    assert whole.median_s == 1500.0
    other = PropertyCondition("$pathname", Operator.EQUALS, ("/x",))
    assert (await found(store, where=other)).sessions == 0


async def test_a_late_event_joins_two_sessions(store: DuckEventStore) -> None:
    assert (await figures(store, [event(1, 0), event(2, 50)])).sessions == 2
    assert (await figures(store, [event(3, 25)])).sessions == 1


async def test_merged_ids_are_one_visitor(store: DuckEventStore) -> None:
    await store.identify(1, [PersonMerge("anon", "ann")])
    report = await figures(store, [event(1, 0, person="anon"), event(2, 10, person="ann")])
    assert (report.sessions, report.persons) == (1, 1)


async def test_what_sdks_send_by_themselves_is_no_activity(store: DuckEventStore) -> None:
    report = await figures(store, [event(1, 0), event(2, 1, name="$pageleave")])
    assert (report.bounces, report.median_s) == (1, 60.0)


minutes = st.integers(0, 600)
visits = st.lists(
    st.tuples(minutes, st.sampled_from("ab"), st.sampled_from(["/x", "/y", None])), max_size=25
)


@given(visits, st.integers(0, 300), st.integers(1, 300))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_sessions_are_those_that_walking_over_all_events_finds(
    store: DuckEventStore, sent: list[tuple[int, str, str | None]], start: int, length: int
) -> None:
    await store.delete_project(1)
    events = [
        event(number, minute, person, **({} if page is None else {"pathname": page}))
        for number, (minute, person, page) in enumerate(sent)
    ]
    hours = (start / 60, (start + length) / 60)
    report = await figures(store, events, hours) if events else await found(store, hours)
    expected = []
    for person in "ab":
        own = sorted(
            (minute, at, page) for at, (minute, who, page) in enumerate(sent) if who == person
        )
        walked: list[list[tuple[int, int, str | None]]] = []
        for each in own:
            if walked and each[0] - walked[-1][-1][0] <= 30:
                walked[-1].append(each)
            else:
                walked.append([each])
        expected += [one for one in walked if start <= one[0][0] < start + length]
    durations = [(one[-1][0] - one[0][0]) * 60.0 for one in expected if len(one) > 1]
    assert report.sessions == len(expected)
    assert report.bounces == sum(len(one) == 1 for one in expected)
    assert report.median_s == (median(durations) if durations else None)
    entries = Counter(
        next((page for _, _, page in one if page is not None), None) for one in expected
    )
    assert {group.value: group.sessions for group in report.entries} == entries
    edges_ms = START_MS + np.arange(start, start + length + 45, 45) * MINUTE_MS
    series = (await found(store, hours, edges_ms=edges_ms)).series
    assert series is not None
    for at, edge in enumerate(range(start, start + length, 45)):
        begun = [one for one in expected if edge <= one[0][0] < edge + 45]
        assert series.sessions[at] == len(begun)
        assert series.persons[at] == len({sent[one[0][1]][1] for one in begun})
        assert series.bounces[at] == sum(len(one) == 1 for one in begun)
        last = max((one[-1][0] for one in begun), default=None)
        assert series.last_ms[at] == (-1 if last is None else START_MS + last * MINUTE_MS)
