import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest_asyncio

from analytics.product.batches import EventBatches
from analytics.product.limits import EventLimits
from analytics.product.live import Arrivals
from analytics.series.counters import ProjectCounters
from model.limits import LimitName, Refusals
from storage.api.projects import Project, ProjectSettings
from storage.events import DuckEventStore

NOW_MS = 1_764_000_000_000
SHOP = Project(1, "k1", 0, ProjectSettings("shop"))
OTHER = Project(2, "k2", 0, ProjectSettings("other"))


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def batches(store: DuckEventStore, refusals: Refusals | None = None) -> EventBatches:
    limits = EventLimits(store.activity, 3, 4, refusals or Refusals())
    return EventBatches(store, lambda: NOW_MS, ProjectCounters(), limits, Arrivals())


def named(names: Sequence[str], **properties: Any) -> list[dict[str, Any]]:
    return [{"eventName": name, "userId": "ann", "properties": properties} for name in names]


async def test_new_names_beyond_the_limit_are_refused_by_index_and_field(
    store: DuckEventStore,
) -> None:
    refusals = Refusals()
    received = batches(store, refusals)
    assert not (await received.store(SHOP, named(["a", "b"]))).errors
    batch = await received.store(SHOP, named(["d", "a", "c", "c", "b"]))
    assert batch.stored == 3
    assert [(one.index, one.field) for one in batch.errors] == [(2, "eventName"), (3, "eventName")]
    assert "the project has 3 event names (analytics.event_names)" in batch.errors[0].error
    assert refusals.totals()[LimitName.EVENT_NAMES] == 2
    assert not (await received.store(OTHER, named(["c"]))).errors


async def test_names_count_after_a_restart_and_room_comes_with_deletion(
    store: DuckEventStore,
) -> None:
    old = [{**item, "timestamp": NOW_MS - 1000} for item in named(["a", "b", "c"])]
    await batches(store).store(SHOP, old)
    received = batches(store)
    assert (await received.store(SHOP, named(["d"]))).errors
    await store.delete_before(SHOP.id, NOW_MS)
    assert not (await received.store(SHOP, named(["d"]))).errors


async def test_events_with_too_many_properties_are_refused(store: DuckEventStore) -> None:
    refusals = Refusals()
    received = batches(store, refusals)
    fine = {name: {"x": 1, "y": '":'} for name in "abcd"}
    many = dict.fromkeys("abcde", 1)
    items = [*named(["a"], **fine), *named(["a"], **many), *named(["a"])]
    batch = await received.store(SHOP, items)
    assert batch.stored == 2
    assert [(one.index, one.field) for one in batch.errors] == [(1, "properties")]
    assert refusals.totals()[LimitName.EVENT_PROPERTIES] == 1
