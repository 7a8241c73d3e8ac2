import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from analytics.product.live import LiveView
from analytics.product.persons import PersonReports
from analytics.product.schema import SchemaReports
from storage.api.activity import FoundPerson, PropertyUse, SeenName
from storage.api.events import FUTURE_TOLERANCE_MS
from storage.api.new_events import NewEvent, PersonMerge
from storage.api.projects import Project, ProjectSettings
from storage.api.reports.schema_notes import SchemaNote, SchemaNoteChange
from storage.events import DuckEventStore

NOW_MS = 1_764_000_000_000


class NoNotes:
    """A project without descriptions."""

    async def of_project(self, project_id: int) -> Sequence[SchemaNote]:
        return ()

    async def change(
        self, project_id: int, changes: Sequence[SchemaNoteChange], author: str, now_ms: int
    ) -> None:
        raise NotImplementedError


PROJECT = Project(1, "k1", 0, ProjectSettings("p"))
OTHER = Project(2, "k2", 0, ProjectSettings("q"))


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def event(number: int, name: str, person: str, **properties: object) -> NewEvent:
    text = orjson.dumps(properties).decode()
    return NewEvent(f"{number}", name, NOW_MS + number, person, text)


async def fill(store: DuckEventStore) -> None:
    await store.append(
        1,
        [
            event(1, "open", "anon-1", plan="free", width=300),
            event(2, "open", "ann", plan="pro", width=None),
            event(3, "buy", "ann", plan="pro", total=9.5),
            event(4, "open", "anna", items=[1], note={"a": 1}),
            event(FUTURE_TOLERANCE_MS + 1, "later", "ann", plan="never"),
        ],
        NOW_MS,
    )
    await store.append(2, [event(5, "open", "ann", plan="theirs")], NOW_MS)
    await store.identify(1, [PersonMerge("anon-1", "ann")])


async def test_a_person_is_found_by_each_merged_id(store: DuckEventStore) -> None:
    await fill(store)
    reports = PersonReports(store, store.activity)
    for distinct_id in ("ann", "anon-1"):
        profile = await reports.profile(PROJECT, distinct_id)
        assert profile is not None
        summary = profile.summary
        assert (summary.distinct_id, list(summary.distinct_ids)) == ("ann", ["ann", "anon-1"])
        assert (summary.events, summary.first_ms, summary.last_ms) == (3, NOW_MS + 1, NOW_MS + 3)
        assert profile.names == [
            SeenName("open", 2, NOW_MS + 1, NOW_MS + 2),
            SeenName("buy", 1, NOW_MS + 3, NOW_MS + 3),
        ]
        assert {each.name: each.value for each in profile.properties} == {
            "plan": "pro",
            "total": 9.5,
            "width": 300,
        }


async def test_nobody_is_found_without_events(store: DuckEventStore) -> None:
    await fill(store)
    reports = PersonReports(store, store.activity)
    assert await reports.profile(PROJECT, "bob") is None
    assert await reports.profile(Project(3, "k3", 0, ProjectSettings("r")), "ann") is None


async def test_pages_of_a_timeline_hold_each_event_of_the_person_once(
    store: DuckEventStore,
) -> None:
    await fill(store)
    reports = PersonReports(store, store.activity)
    first = await reports.timeline(PROJECT, "ann", 2)
    assert [each.time_ms - NOW_MS for each in first.events] == [3, 2]
    second = await reports.timeline(PROJECT, "ann", 2, first.following)
    assert [each.time_ms - NOW_MS for each in second.events] == [1]
    assert second.following is None
    bought = await reports.timeline(PROJECT, "anon-1", names=["buy"])
    assert [each.name for each in bought.events] == ["buy"]


async def test_ids_are_found_by_their_beginning(store: DuckEventStore) -> None:
    await fill(store)
    reports = PersonReports(store, store.activity)
    assert await reports.find(PROJECT, "ann") == [
        FoundPerson("anna", 1, NOW_MS + 4, NOW_MS + 4),
        FoundPerson("ann", 2, NOW_MS + 2, NOW_MS + 3),
    ]
    assert await reports.find(PROJECT, "ann", 1) == [FoundPerson("anna", 1, NOW_MS + 4, NOW_MS + 4)]
    assert await reports.find(PROJECT, "%") == []


async def test_names_and_properties_have_volume_types_and_times(store: DuckEventStore) -> None:
    await fill(store)
    schema = SchemaReports(store.activity, NoNotes(), lambda: NOW_MS)
    assert [(each.seen.name, each.seen.events) for each in await schema.names(PROJECT)] == [
        ("open", 3),
        ("buy", 1),
    ]
    uses = {each.seen.name: each.seen for each in await schema.properties(PROJECT)}
    assert uses["plan"] == PropertyUse("plan", ("string",), 3, NOW_MS + 1, NOW_MS + 3)
    assert uses["width"].types == ("null", "number")
    assert uses["items"].types == ("array",)
    assert uses["note"].types == ("object",)
    bought = await schema.properties(PROJECT, "buy")
    assert [each.seen.name for each in bought] == ["plan", "total"]


@pytest.mark.parametrize("different", [2, 90])
async def test_properties_count_alike_whether_they_repeat_themselves_or_not(
    store: DuckEventStore, different: int
) -> None:
    await store.append(
        PROJECT.id,
        [
            NewEvent(
                f"id-{n}",
                "open",
                NOW_MS + n,
                "ann",
                json.dumps({"n": n % different, f"k{n % 2}": None if n % different else "a"}),
            )
            for n in range(90)
        ],
        NOW_MS,
    )
    schema = SchemaReports(store.activity, NoNotes(), lambda: NOW_MS)
    uses = [each.seen for each in await schema.properties(PROJECT)]
    zero = ("null", "string") if different > 2 else ("string",)
    assert uses == [
        PropertyUse("n", ("number",), 90, NOW_MS, NOW_MS + 89),
        PropertyUse("k0", zero, 45, NOW_MS, NOW_MS + 88),
        PropertyUse("k1", ("null",), 45, NOW_MS + 1, NOW_MS + 89),
    ]


async def test_new_events_follow_a_cursor(store: DuckEventStore) -> None:
    await fill(store)
    live = LiveView(store.activity)
    first = await live.newest(PROJECT)
    assert [each.name for each in first.events] == ["open", "buy", "open", "open"]
    assert (await live.newest(PROJECT, first.cursor)).events == []
    await store.append(1, [event(n, "more", "bob") for n in range(10, 15)], NOW_MS)
    more = await live.newest(PROJECT, first.cursor, 3)
    assert [each.time_ms - NOW_MS for each in more.events] == [14, 13, 12]
    assert more.has_gap
    assert not (await live.newest(PROJECT, more.cursor)).has_gap


async def test_the_profile_shows_what_events_have_set_for_the_person(
    store: DuckEventStore,
) -> None:
    given = {"$set": {"plan": "pro"}, "$set_once": {"source": "ad"}}
    events = [event(1, "$identify", "ann", **given), event(2, "open", "ann", plan="other")]
    await store.append(1, events, NOW_MS)
    profile = await PersonReports(store, store.activity).profile(PROJECT, "ann")
    assert profile is not None
    own = [(each.name, each.value) for each in profile.own]
    assert own == [("plan", "pro"), ("source", "ad")]
    assert [(each.name, each.value) for each in profile.properties] == [("plan", "other")]
