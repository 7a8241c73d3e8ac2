"""Properties of persons beside a fold over a list of events."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.api.events import FUTURE_TOLERANCE_MS, EventSelection
from storage.api.new_events import NewEvent, PersonMerge
from storage.api.reports.conditions import Operator, PropertyCondition, Scalar
from storage.api.reports.measures import Breakdown, EventMeasure
from storage.events import DuckEventStore
from storage.events.persons import property_rows

NOW_MS = 1_764_000_000_000
EVER = (0, 2**53)
PROJECTS = itertools.count(1)

Sent = tuple[str, int, dict[str, Any]]
"""Person, time and properties of an event, in the order of arrival."""


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


async def send(store: DuckEventStore, project: int, sent: Sequence[Sent]) -> None:
    """Store events in two commits."""
    rows = [
        NewEvent(
            f"{project}-{number}",
            "open",
            NOW_MS + time_ms,
            person,
            orjson.dumps(properties).decode(),
        )
        for number, (person, time_ms, properties) in enumerate(sent)
    ]
    for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        if part:
            await store.append(project, part, NOW_MS)


async def own(store: DuckEventStore, project: int, person: str) -> dict[str, Any]:
    found = await store.activity.person_properties(project, person)
    return {each.name: orjson.loads(each.value) for each in found}


async def count(store: DuckEventStore, project: int, condition: PropertyCondition) -> int:
    return await store.count(EventSelection(project, *EVER, where=condition))


async def test_the_latest_set_counts_by_time_and_then_by_arrival(store: DuckEventStore) -> None:
    sent: list[Sent] = [
        ("ann", 5, {"$set": {"plan": "pro", "age": 3}}),
        ("ann", 1, {"$set": {"plan": "free", "city": "Ulm"}}),
        ("ann", 5, {"$set": {"age": 4}}),
    ]
    await send(store, 1, sent)
    assert await own(store, 1, "ann") == {"plan": "pro", "age": 4, "city": "Ulm"}
    (plan,) = [
        each for each in await store.activity.person_properties(1, "ann") if each.name == "plan"
    ]
    assert plan.time_ms == NOW_MS + 5


async def test_the_first_set_once_counts_until_something_is_set(store: DuckEventStore) -> None:
    sent: list[Sent] = [
        ("ann", 5, {"$set_once": {"source": "ad", "plan": "trial"}}),
        ("ann", 2, {"$set_once": {"source": "search"}}),
        ("ann", 1, {"$set": {"plan": "pro"}}),
    ]
    await send(store, 1, sent)
    assert await own(store, 1, "ann") == {"source": "search", "plan": "pro"}


@pytest.mark.parametrize("removal", [{"$unset": ["plan"]}, {"$set": {"plan": None}}])
async def test_a_removed_property_is_missing_until_it_is_set_again(
    store: DuckEventStore, removal: dict[str, Any]
) -> None:
    await send(store, 1, [("ann", 1, {"$set": {"plan": "pro"}}), ("ann", 2, removal)])
    assert await own(store, 1, "ann") == {}
    is_not_set = PropertyCondition("person.plan", Operator.IS_NOT_SET)
    assert await count(store, 1, is_not_set) == 2
    await send(store, 1, [("-", 0, {}), ("-", 0, {}), ("ann", 3, {"$set": {"plan": "free"}})])
    assert await own(store, 1, "ann") == {"plan": "free"}


async def test_merged_ids_share_their_properties(store: DuckEventStore) -> None:
    sent: list[Sent] = [
        ("anon", 0, {"$set_once": {"source": "ad"}}),
        ("ann", 1, {"$set_once": {"source": "search"}, "$set": {"plan": "pro"}}),
        ("anon", 2, {}),
    ]
    await send(store, 1, sent)
    await store.identify(1, [PersonMerge("anon", "ann")])
    assert await own(store, 1, "anon") == {"source": "ad", "plan": "pro"}
    equals = PropertyCondition("person.plan", Operator.EQUALS, ("pro",))
    assert await count(store, 1, equals) == 3


async def test_events_of_the_future_set_nothing(store: DuckEventStore) -> None:
    await send(store, 1, [("ann", FUTURE_TOLERANCE_MS + 1, {"$set": {"plan": "pro"}})])
    assert await own(store, 1, "ann") == {}


async def test_properties_go_with_the_person_and_with_the_last_event(
    store: DuckEventStore,
) -> None:
    sent: list[Sent] = [
        ("anon", 0, {"$set": {"plan": "pro"}}),
        ("ann", 9, {}),
        ("bob", 1, {"$set": {"plan": "free"}}),
        ("cat", 9, {"$set": {"plan": "team"}}),
    ]
    await send(store, 1, sent)
    await store.identify(1, [PersonMerge("anon", "ann")])
    await store.delete_before(1, NOW_MS + 5)
    # Ann has an event under another id; Bob has none left.
    assert await own(store, 1, "ann") == {"plan": "pro"}
    assert await own(store, 1, "bob") == {}
    await store.erase_person(1, "ann")
    assert await own(store, 1, "anon") == await own(store, 1, "ann") == {}
    assert await own(store, 1, "cat") == {"plan": "team"}
    await store.delete_project(1)
    assert await own(store, 1, "cat") == {}


async def test_projects_do_not_share_properties(store: DuckEventStore) -> None:
    await send(store, 1, [("ann", 0, {"$set": {"plan": "pro"}})])
    await send(store, 2, [("ann", 0, {})])
    assert await own(store, 2, "ann") == {}
    set_anywhere = PropertyCondition("person.plan", Operator.IS_SET)
    assert await count(store, 2, set_anywhere) == 0


async def test_a_file_of_an_earlier_release_gets_its_properties(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    store = DuckEventStore(path)
    await send(store, 1, [("ann", 0, {"$set": {"plan": "pro"}}), ("ann", 1, {"$set": "?"})])
    await asyncio.to_thread(store.close)

    def downgrade() -> None:
        import duckdb

        with duckdb.connect(str(path)) as connection:
            connection.execute("drop table person_properties")

    await asyncio.to_thread(downgrade)
    again = DuckEventStore(path)
    assert await own(again, 1, "ann") == {"plan": "pro"}
    await asyncio.to_thread(again.close)


VALUES = st.sampled_from([None, True, 0, 1, 2.5, "pro", "free", "1"])
NAMES = st.sampled_from(["plan", "a/b~"])
SENT = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", "anon"]),
        st.integers(0, 6),
        st.fixed_dictionaries(
            {},
            optional={
                "$set": st.dictionaries(NAMES, VALUES),
                "$set_once": st.dictionaries(NAMES, VALUES),
                "$unset": st.lists(NAMES),
                "plan": VALUES,
            },
        ),
    ),
    max_size=15,
)
CONDITIONS = st.one_of(
    st.builds(
        PropertyCondition,
        NAMES,
        st.sampled_from([Operator.EQUALS, Operator.DIFFERS]),
        st.lists(VALUES, min_size=1, max_size=2).map(tuple),
    ),
    st.builds(PropertyCondition, NAMES, st.sampled_from([Operator.IS_SET, Operator.IS_NOT_SET])),
    st.builds(
        PropertyCondition,
        NAMES,
        st.sampled_from([Operator.CONTAINS, Operator.LACKS]),
        st.just(("r",)),
    ),
    st.builds(PropertyCondition, NAMES, st.just(Operator.GREATER), st.just((0.5,))),
)


def folded(sent: Sequence[Sent], members: Sequence[str]) -> dict[str, Any]:
    """Return the properties of a person by going through the events in order."""
    initial: dict[str, Any] = {}
    assigned: dict[str, Any] = {}
    for person, _, properties in sorted(sent, key=lambda each: each[1]):
        if person not in members:
            continue
        assigned |= properties.get("$set", {})
        for name, value in properties.get("$set_once", {}).items():
            if value is not None:
                initial.setdefault(name, value)
        for name in properties.get("$unset", ()):
            assigned[name] = None
    return {name: value for name, value in (initial | assigned).items() if value is not None}


def text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(value: Any, wanted: Scalar) -> bool:
    if wanted is None or value is None:
        return value is None and wanted is None
    if is_number(wanted):
        return is_number(value) and bool(value == wanted)
    return text(value) == (text(wanted) if isinstance(wanted, bool) else wanted)


def holds(value: Any, condition: PropertyCondition) -> bool:
    match condition.operator:
        case Operator.IS_SET | Operator.IS_NOT_SET:
            return (value is not None) == (condition.operator is Operator.IS_SET)
        case Operator.EQUALS | Operator.DIFFERS:
            is_one = any(equal(value, wanted) for wanted in condition.values)
            return is_one == (condition.operator is Operator.EQUALS)
        case Operator.GREATER:
            return is_number(value) and value > 0.5
        case _:
            has = value is not None and "r" in text(value)
            return has == (condition.operator is Operator.CONTAINS)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SENT, CONDITIONS, st.booleans(), st.booleans())
async def test_properties_filter_and_divide_as_by_hand(
    store: DuckEventStore,
    sent: Sequence[Sent],
    condition: PropertyCondition,
    is_merged: bool,
    is_folded: bool,
) -> None:
    project = next(PROJECTS)
    if is_folded:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(property_rows, "_FEWEST_TO_FOLD", 0)
            await send(store, project, sent)
    else:
        await send(store, project, sent)
    groups = [["ann"], ["bob"], ["anon"]]
    if is_merged:
        await store.identify(project, [PersonMerge("anon", "ann")])
        groups = [["ann", "anon"], ["bob"]]
    expected = {name: folded(sent, members) for members in groups for name in members}
    for name, properties in expected.items():
        assert await own(store, project, name) == properties
    asked = PropertyCondition(f"person.{condition.property}", condition.operator, condition.values)
    chosen = [each for each in sent if holds(expected[each[0]].get(condition.property), condition)]
    assert await count(store, project, asked) == len(chosen)
    by_value: dict[str | None, int] = {}
    for person, _, _ in sent:
        value = expected[person].get("plan")
        key = None if value is None else text(value)
        by_value[key] = by_value.get(key, 0) + 1
    selection = EventSelection(project, *EVER)
    found = await store.groups(selection, 10, "person.plan")
    assert {each.value: each.events for each in found} == by_value
    edges = np.array([0, 2**53])
    measured = await store.measured(
        selection, edges, EventMeasure.PERSONS, None, Breakdown("person.plan", ("pro", None))
    )
    senders = {person for person, _, _ in sent}
    assert sum(each.total for each in measured) == sum(
        1 for members in groups if senders & set(members)
    )
