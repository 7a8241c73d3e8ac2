"""The event store beside a store of Python lists, which counts by hand."""

import asyncio
import itertools
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.api.events import (
    FUTURE_TOLERANCE_MS,
    EventQueryError,
    EventSelection,
    EventStep,
    EventTotals,
    PersonPart,
    ProjectVolume,
)
from storage.api.new_events import NewEvent, PersonMerge
from storage.api.reports.conditions import (
    AllOf,
    AnyOf,
    EventFilter,
    Not,
    Operator,
    PersonEvents,
    PersonValue,
    PropertyCondition,
    Scalar,
)
from storage.api.requests import NewRequest
from storage.events import DuckEventStore

NOW_MS = 1_764_000_000_000
HOUR_MS = 3_600_000
EVER = (0, 2**53)


def event(
    number: int,
    name: str = "open",
    person: str = "ann",
    time_ms: int = NOW_MS,
    properties: Mapping[str, Any] | None = None,
) -> NewEvent:
    text = orjson.dumps(properties or {}).decode()
    return NewEvent(f"id-{number}", name, time_ms, person, text)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def everything(project: int = 1, **changes: Any) -> EventSelection:
    return EventSelection(project, *EVER, **changes)


async def test_nothing_is_opened_before_the_first_use(tmp_path: Path) -> None:
    store = DuckEventStore(tmp_path / "events.duckdb")
    await asyncio.to_thread(store.close)
    assert not await asyncio.to_thread((tmp_path / "events.duckdb").exists)


async def test_an_event_with_a_known_id_changes_nothing_even_after_a_restart(
    store: DuckEventStore, tmp_path: Path
) -> None:
    first = await store.append(1, [event(1), event(2), event(1)], NOW_MS)
    assert (first.stored, first.duplicates) == (2, (2,))
    await asyncio.to_thread(store.close)
    again = DuckEventStore(tmp_path / "events.duckdb")
    second = await again.append(1, [event(3), event(2)], NOW_MS)
    assert (second.stored, second.duplicates) == (1, (1,))
    assert (await again.totals(everything())).events == 3
    await asyncio.to_thread(again.close)


async def test_projects_share_neither_ids_nor_events(store: DuckEventStore) -> None:
    await store.append(1, [event(1)], NOW_MS)
    assert (await store.append(2, [event(1)], NOW_MS)).stored == 1
    assert (await store.totals(everything(2))).events == 1
    await store.delete_project(1)
    assert (await store.totals(everything(1))).events == 0
    assert (await store.totals(everything(2))).events == 1
    assert (await store.append(1, [event(1)], NOW_MS)).stored == 1
    assert [group.value for group in await store.groups(everything(1), 5)] == ["open"]


async def test_events_of_the_future_are_kept_apart(store: DuckEventStore) -> None:
    late = NOW_MS + FUTURE_TOLERANCE_MS
    result = await store.append(1, [event(1, time_ms=late), event(2, time_ms=late + 1)], NOW_MS)
    assert (result.stored, result.future) == (2, (1,))
    assert (await store.totals(everything())).events == 1
    count, latest = await store.future(1, 10)
    assert count == 1
    assert (latest[0].time_ms, latest[0].is_future) == (late + 1, True)


async def test_merged_distinct_ids_count_once_in_earlier_events_too(store: DuckEventStore) -> None:
    await store.append(
        1, [event(1, person="anon-1"), event(2, person="anon-2"), event(3, person="bob")], NOW_MS
    )
    merges = [PersonMerge("anon-1", "bob"), PersonMerge("anon-2", "bob")]
    assert await store.identify(1, [*merges, PersonMerge("bob", "anon-1")]) == 0
    assert (await store.totals(everything())).persons == 1
    assert await store.distinct_ids(1, "anon-2") == ["anon-1", "anon-2", "bob"]
    assert (await store.totals(everything(distinct_ids=("anon-1",)))).events == 3
    assert await store.erase_person(1, "bob") == 3
    assert (await store.totals(everything())).events == 0


async def test_an_erased_person_is_in_no_report(store: DuckEventStore) -> None:
    # umami #2940.
    rows = [event(1, person="ann"), event(2, person="bob"), event(3, "buy", person="anon")]
    await store.append(1, rows, NOW_MS)
    await store.identify(1, [PersonMerge("anon", "ann")])
    await store.erase_person(1, "ann")
    selection, edges = everything(), np.array(EVER)
    assert await store.totals(selection) == EventTotals(1, 1, 1)
    assert [group.value for group in await store.groups(selection, 9)] == ["open"]
    assert (await store.series(selection, edges)).persons.tolist() == [1]
    found = await store.occurrences(selection, [EventStep(None)])
    assert len(found.persons) == 1
    assert [each.distinct_id for each in await store.latest(selection, 9)] == ["bob"]
    assert [name for name, *_ in await store.names(1)] == ["open"]
    assert await store.activity.find_persons(1, "an", 9) == []


async def test_events_are_deleted_before_a_time(store: DuckEventStore) -> None:
    await store.append(1, [event(n, time_ms=NOW_MS + n) for n in range(10)], NOW_MS)
    assert await store.delete_before(1, NOW_MS + 4) == 4
    assert (await store.totals(everything())).events == 6


async def test_pages_of_the_latest_events_hold_each_event_once(store: DuckEventStore) -> None:
    await store.append(1, [event(n, time_ms=NOW_MS + n // 3) for n in range(10)], NOW_MS)
    seen: list[int] = []
    before = None
    while page := await store.latest(everything(), 4, before):
        seen += [each.sequence for each in page]
        before = (page[-1].time_ms, page[-1].sequence)
    assert seen == list(reversed(range(10)))


async def test_persons_are_counted_for_more_names_and_buckets_than_have_a_bit(
    store: DuckEventStore,
) -> None:
    rows = [
        event(2 * n + m, f"name {n:03}", f"person {n % 7}", NOW_MS - n)
        for n in range(300)
        for m in range(2)
    ]
    await store.append(1, rows, NOW_MS)
    groups = await store.groups(everything(), 400)
    assert [(group.value, group.events, group.persons) for group in groups] == [
        (f"name {n:03}", 2, 1) for n in range(300)
    ]
    series = await store.series(
        EventSelection(1, NOW_MS - 299, NOW_MS + 1), np.arange(NOW_MS - 299, NOW_MS + 2)
    )
    assert (series.events == 2).all()
    assert (series.persons == 1).all()


async def test_an_estimate_counts_the_events_of_the_selection_in_a_sample(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [event(n, "buy" if n % 3 else "open", person=f"p{n % 7}") for n in range(60)]
    await store.append(1, rows, NOW_MS)
    await store.append(2, rows, NOW_MS)
    asked = [everything(), everything(names=("buy",)), everything(names=("buy", "-", "open"))]
    assert [await store.estimate(each) for each in asked] == [60, 40, 60]
    # As with many events, but the sample is the whole table.
    monkeypatch.setattr("storage.events.reports._SAMPLED_ROWS", 0)
    monkeypatch.setattr("storage.events.reports._SAMPLE_PERCENT", 100)
    assert [await store.estimate(each) for each in asked] == [60, 40, 60]


async def test_arrivals_that_need_more_than_32_bits_order_events(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(1, [event(n, "buy" if n else "open") for n in range(3)], NOW_MS)
    steps = [EventStep("open"), EventStep("buy")]
    narrow = await store.occurrences(everything(), steps)
    monkeypatch.setattr("storage.events.reports._MOST_NARROW", 0)
    wide = await store.occurrences(everything(), steps)
    assert narrow.steps.tolist() == wide.steps.tolist() == [1, 2, 2]


async def test_texts_are_stored_as_they_are(store: DuckEventStore) -> None:
    text = "a\x00b '\" <script> \u202e 🐦"
    await store.append(1, [event(1, name=text, person=text, properties={text: text})], NOW_MS)
    (found,) = await store.latest(everything(), 1)
    assert (found.name, found.distinct_id) == (text, text)
    assert orjson.loads(found.properties) == {text: text}
    condition = PropertyCondition(text, Operator.EQUALS, (text,))
    assert (await store.totals(everything(where=condition))).events == 1


@pytest.mark.parametrize(
    ("operator", "wanted", "expected"),
    [
        (Operator.BEFORE, "2026-03-01", ["a"]),
        (Operator.AFTER, "2026-03-01T00:00:00Z", ["b", "c"]),
        (Operator.AFTER, "2026-03-01T01:00:00+01:00", ["b", "c"]),
        (Operator.AFTER, "2026-03-01T12:30:00Z", ["c"]),
        (Operator.AFTER, "2026-03-02T00:00:00Z", []),
    ],
)
async def test_properties_are_compared_as_times(
    store: DuckEventStore, operator: Operator, wanted: str, expected: Sequence[str]
) -> None:
    due = {"a": "2026-02-28T23:59:59Z", "b": "2026-03-01T14:30:00+02:00", "c": "2026-03-02", "d": 7}
    rows = [
        event(number, name, properties={"due": value})
        for number, (name, value) in enumerate(due.items())
    ]
    await store.append(1, rows, NOW_MS)
    condition = PropertyCondition("due", operator, (wanted,))
    groups = await store.groups(everything(where=condition), 10)
    assert sorted(group.value or "" for group in groups) == expected


async def test_exported_events_come_in_the_order_of_their_arrival(store: DuckEventStore) -> None:
    await store.append(1, [event(n, time_ms=NOW_MS - n) for n in range(5)], NOW_MS)
    exported = [each.time_ms async for block in store.export(everything()) for each in block]
    assert exported == [NOW_MS - n for n in range(5)]


async def test_properties_are_listed_with_their_types(store: DuckEventStore) -> None:
    await store.append(
        1, [event(1, properties={"a/b": 1}), event(2, properties={"a/b": "x", "c": True})], NOW_MS
    )
    found = {each.name: (each.types, each.events) for each in await store.properties(1, None)}
    assert found == {"a/b": (("UBIGINT", "VARCHAR"), 2), "c": (("BOOLEAN",), 1)}


@pytest.mark.parametrize(
    ("operator", "value", "message"),
    [
        (Operator.GREATER, "x", "needs a number"),
        (Operator.MATCHES, "(", "bad expression"),
        (Operator.CONTAINS, 1.0, "needs a text"),
        (Operator.BEFORE, "soon", "needs a time"),
        (Operator.AT_MOST, True, "needs a number"),
    ],
)
async def test_a_bad_condition_names_the_property(
    store: DuckEventStore, operator: Operator, value: Scalar, message: str
) -> None:
    condition = PropertyCondition("plan", operator, (value,))
    with pytest.raises(EventQueryError, match=f"'plan'.*{message}"):
        await store.totals(everything(where=condition))


@dataclass
class Lists:
    """The oracle: events in a list, merged persons in a dictionary."""

    events: list[NewEvent] = field(default_factory=list)
    person: dict[str, str] = field(default_factory=dict)

    def selected(self, where: EventFilter | None, start_ms: int, end_ms: int) -> list[NewEvent]:
        return [
            each
            for each in self.events
            if start_ms <= each.time_ms < end_ms and (where is None or self.holds(where, each))
        ]

    def who(self, each: NewEvent) -> str:
        return self.person.get(each.distinct_id, each.distinct_id)

    def holds(self, where: EventFilter, each: NewEvent) -> bool:
        if isinstance(where, AllOf):
            return all(self.holds(part, each) for part in where.parts)
        if isinstance(where, AnyOf):
            return any(self.holds(part, each) for part in where.parts)
        if isinstance(where, Not):
            return not self.holds(where.part, each)
        if isinstance(where, PropertyCondition):
            return fulfils(where, property_of(each, where.property))
        own = [other for other in self.events if self.who(other) == self.who(each)]
        if isinstance(where, PersonEvents):
            count = sum(
                where.start_ms <= other.time_ms < where.end_ms
                and where.name in (None, other.name)
                and (where.where is None or self.holds(where.where, other))
                for other in own
            )
            return where.least <= count and (where.most is None or count <= where.most)
        name = where.condition.property
        # Sorting is stable, so that the later arrival is the last of equal times.
        values = [property_of(other, name) for other in sorted(own, key=lambda each: each.time_ms)]
        known = [value for value in values if value is not None]
        return fulfils(where.condition, known[-1] if known else None)


def fulfils(where: PropertyCondition, value: Any) -> bool:
    compare: dict[Operator, Callable[[Any], bool]] = {
        Operator.EQUALS: lambda wanted: equal(value, wanted),
        Operator.DIFFERS: lambda wanted: equal(value, wanted),
        Operator.CONTAINS: lambda wanted: value is not None and wanted in text(value),
        Operator.LACKS: lambda wanted: value is not None and wanted in text(value),
        Operator.MATCHES: lambda wanted: value is not None and bool(re.search(wanted, text(value))),
        Operator.NOT_MATCHES: lambda wanted: (
            value is not None and bool(re.search(wanted, text(value)))
        ),
        Operator.GREATER: lambda wanted: is_number(value) and value > wanted,
        Operator.LESS: lambda wanted: is_number(value) and value < wanted,
        Operator.AT_LEAST: lambda wanted: is_number(value) and value >= wanted,
        Operator.AT_MOST: lambda wanted: is_number(value) and value <= wanted,
    }
    if where.operator is Operator.IS_SET:
        return value is not None
    if where.operator is Operator.IS_NOT_SET:
        return value is None
    found = any(compare[where.operator](wanted) for wanted in where.values)
    negative = (Operator.DIFFERS, Operator.LACKS, Operator.NOT_MATCHES)
    return not found if where.operator in negative else found


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def equal(value: Any, wanted: Scalar) -> bool:
    if wanted is None or value is None:
        return value is None and wanted is None
    if is_number(wanted):
        return is_number(value) and value == wanted
    return text(value) == (text(wanted) if isinstance(wanted, bool) else wanted)


VALUES = st.sampled_from([None, True, False, 0, 1, 2, 2.5, "pro", "free", "1", "true"])
PROPERTIES = st.dictionaries(st.sampled_from(["plan", "n", "a/b~"]), VALUES, max_size=3)
CONDITIONS = st.one_of(
    st.builds(
        PropertyCondition,
        st.sampled_from(["plan", "n", "a/b~"]),
        st.sampled_from([Operator.EQUALS, Operator.DIFFERS]),
        st.lists(VALUES, min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        PropertyCondition,
        st.sampled_from(["plan", "n"]),
        st.sampled_from(
            [Operator.CONTAINS, Operator.LACKS, Operator.MATCHES, Operator.NOT_MATCHES]
        ),
        st.sampled_from([("pro",), ("r", "1")]),
    ),
    st.builds(
        PropertyCondition,
        st.sampled_from(["plan", "n"]),
        st.sampled_from([Operator.GREATER, Operator.LESS, Operator.AT_LEAST, Operator.AT_MOST]),
        st.sampled_from([(1,), (0.5, 2)]),
    ),
    st.builds(
        PropertyCondition,
        st.sampled_from(["plan", "n"]),
        st.sampled_from([Operator.IS_SET, Operator.IS_NOT_SET]),
    ),
)
FILTERS: st.SearchStrategy[EventFilter] = st.recursive(
    CONDITIONS | st.builds(PersonValue, CONDITIONS),
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(
            PersonEvents,
            st.just(NOW_MS - 30 * HOUR_MS),
            st.just(NOW_MS),
            st.sampled_from([None, "open", "buy"]),
            st.none() | parts,
            st.integers(0, 3),
            st.none() | st.integers(0, 4),
        ),
        st.builds(AllOf, st.lists(parts, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["open", "buy", "leave"]),
        st.sampled_from(["ann", "bob", "anon"]),
        st.integers(0, 50),
        PROPERTIES,
    ),
    max_size=25,
)


PROJECTS = itertools.count(100)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS, st.none() | FILTERS, st.booleans(), st.integers(0, 50), st.integers(1, 60))
async def test_reports_count_as_by_hand(
    store: DuckEventStore,
    rows: Sequence[tuple[str, str, int, dict[str, Any]]],
    where: EventFilter | None,
    is_merged: bool,
    start: int,
    length: int,
) -> None:
    project = next(PROJECTS)
    lists = Lists()
    for number, (name, person, at, properties) in enumerate(rows):
        lists.events.append(event(number, name, person, NOW_MS - HOUR_MS * at, properties))
    await store.append(project, lists.events, NOW_MS)
    if is_merged:
        await store.identify(project, [PersonMerge("anon", "ann")])
        lists.person["anon"] = "ann"
    start_ms = NOW_MS - HOUR_MS * (start + length)
    end_ms = NOW_MS - HOUR_MS * start + 1
    await compare(store, lists, EventSelection(project, start_ms, end_ms, where=where))


async def compare(store: DuckEventStore, lists: Lists, selection: EventSelection) -> None:
    chosen = lists.selected(selection.where, selection.start_ms, selection.end_ms)
    totals = await store.totals(selection)
    assert totals.events == len(chosen)
    assert totals.persons == len({lists.who(each) for each in chosen})
    assert totals.names == len({each.name for each in chosen})
    await compare_groups(store, lists, selection, chosen)
    await compare_series(store, lists, selection, chosen)
    await compare_occurrences(store, lists, selection, chosen)
    await compare_numbers(store, selection, chosen)


def property_of(each: NewEvent, name: str) -> Any:
    return orjson.loads(each.properties).get(name)


async def compare_groups(
    store: DuckEventStore, lists: Lists, selection: EventSelection, chosen: Sequence[NewEvent]
) -> None:
    by_name: dict[str | None, list[NewEvent]] = {}
    by_plan: dict[str | None, list[NewEvent]] = {}
    for each in chosen:
        by_name.setdefault(each.name, []).append(each)
        plan = property_of(each, "plan")
        by_plan.setdefault(None if plan is None else text(plan), []).append(each)
    for by, expected in ((None, by_name), ("plan", by_plan)):
        groups = await store.groups(selection, 100, by)
        assert {group.value: (group.events, group.persons) for group in groups} == {
            value: (len(events), len({lists.who(each) for each in events}))
            for value, events in expected.items()
        }


async def compare_series(
    store: DuckEventStore, lists: Lists, selection: EventSelection, chosen: Sequence[NewEvent]
) -> None:
    # Buckets of one to three hours, as around a change of the clocks.
    widths = np.array([1, 3, 2] * 40) * HOUR_MS
    edges = selection.start_ms + np.concatenate([[0], np.cumsum(widths)])
    series = await store.series(selection, edges)
    (bought, nothing) = await store.series_by_name(replace(selection, names=("buy", "-")), edges)
    assert not nothing.events.any()
    for found, events in (
        (series, chosen),
        (bought, [each for each in chosen if each.name == "buy"]),
    ):
        places = np.searchsorted(edges, [each.time_ms for each in events], side="right") - 1
        for bucket in range(len(widths)):
            inside = [each for each, at in zip(events, places, strict=True) if at == bucket]
            assert found.events[bucket] == len(inside)
            assert found.persons[bucket] == len({lists.who(each) for each in inside})


async def compare_occurrences(
    store: DuckEventStore, lists: Lists, selection: EventSelection, chosen: Sequence[NewEvent]
) -> None:
    has_plan = EventStep(None, PropertyCondition("plan", Operator.IS_SET))
    names = [EventStep("open"), EventStep("-"), EventStep("buy")]
    assert await store.count(selection) == len(chosen)
    for steps in ([names[0], has_plan], names, [EventStep(None), *names * 3]):
        await compare_steps(store, lists, selection, chosen, steps)


async def compare_steps(
    store: DuckEventStore,
    lists: Lists,
    selection: EventSelection,
    chosen: Sequence[NewEvent],
    steps: Sequence[EventStep],
) -> None:
    rows: dict[int, list[tuple[int, int]]] = {}
    persons: list[int] = []
    for index in range(3):
        found = await store.occurrences(selection, steps, PersonPart(index, 3))
        columns = (found.persons.tolist(), found.times_ms.tolist(), found.steps.tolist())
        for person, time_ms, bits in zip(*columns, strict=True):
            rows.setdefault(person, []).append((time_ms, bits))
        persons += columns[0]
    assert persons == sorted(persons)
    expected: dict[str, list[tuple[int, int, int]]] = {}
    for number, each in enumerate(chosen):
        bits = sum(
            1 << index
            for index, step in enumerate(steps)
            if step.name in (None, each.name)
            and (step.where is None or property_of(each, "plan") is not None)
        )
        if bits:
            row = (each.time_ms, number, bits)
            expected.setdefault(lists.who(each), []).append(row)
    assert sorted(rows.values()) == sorted(
        [(time_ms, bits) for time_ms, _, bits in sorted(each)] for each in expected.values()
    )


async def compare_numbers(
    store: DuckEventStore, selection: EventSelection, chosen: Sequence[NewEvent]
) -> None:
    numbers = [value for each in chosen if is_number(value := property_of(each, "n"))]
    summary = await store.numbers(selection, "n", [0.5, 0.95])
    assert summary.count == len(numbers)
    if numbers:
        assert summary.total == pytest.approx(sum(numbers))
        assert summary.percentiles[0.95] == pytest.approx(np.quantile(numbers, 0.95))
        assert (summary.least, summary.greatest) == (min(numbers), max(numbers))
    else:
        assert math.isnan(summary.mean)


async def test_volumes_count_each_project_since_a_time_and_create_no_file(
    store: DuckEventStore, tmp_path: Path
) -> None:
    assert await store.volumes(0) == {}
    assert not await asyncio.to_thread((tmp_path / "events.duckdb").exists)
    await store.append(1, [event(1, time_ms=NOW_MS - 9), event(2), event(3)], NOW_MS)
    await store.append(2, [event(1, time_ms=NOW_MS + FUTURE_TOLERANCE_MS + 1)], NOW_MS)
    request = NewRequest(NOW_MS + 5, "GET", "/", "/", 200, 1)
    await store.requests.append_requests(1, [request])
    await store.requests.append_requests(3, [request])
    assert await store.volumes(NOW_MS) == {
        1: ProjectVolume(2, 1, NOW_MS + 5),
        3: ProjectVolume(0, 1, NOW_MS + 5),
    }
