import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage.api.errors import StorageError
from storage.api.new_events import NewEvent, NewEvents
from storage.api.visits.exclusions import ExclusionReason
from storage.events import DuckEventStore

HOUR_MS = 3_600_000
NOW_MS = 400_000 * HOUR_MS
BOT, ADDRESS = ExclusionReason.BOT, ExclusionReason.ADDRESS


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


async def append(store: DuckEventStore, number: int) -> None:
    await store.append(1, NewEvents.of([NewEvent(str(number), "open", NOW_MS, "a")]), NOW_MS)


async def test_counts_are_those_of_the_project_and_the_hours(store: DuckEventStore) -> None:
    store.count_excluded(1, NOW_MS, {BOT: 2, ADDRESS: 1})
    store.count_excluded(1, NOW_MS + HOUR_MS, {BOT: 5})
    store.count_excluded(2, NOW_MS, {BOT: 9})
    for number in range(2):
        assert await store.excluded(1, NOW_MS, NOW_MS + HOUR_MS) == {BOT: 2, ADDRESS: 1}
        assert await store.excluded(1, NOW_MS, NOW_MS + HOUR_MS + 1) == {BOT: 7, ADDRESS: 1}
        assert await store.excluded(1, NOW_MS - HOUR_MS, NOW_MS) == {}
        # The second round reads what this has written.
        await append(store, number)
    store.count_excluded(1, NOW_MS + 1, {BOT: 1})
    assert await store.excluded(1, NOW_MS, NOW_MS + HOUR_MS) == {BOT: 3, ADDRESS: 1}


async def test_counts_alone_create_no_file_before_the_store_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    store = DuckEventStore(path)
    store.count_excluded(1, NOW_MS, {BOT: 2})
    assert await store.excluded(1, NOW_MS, NOW_MS + 1) == {BOT: 2}
    assert not await asyncio.to_thread(path.exists)
    await asyncio.to_thread(store.close)
    again = DuckEventStore(path)
    assert await again.excluded(1, NOW_MS, NOW_MS + 1) == {BOT: 2}
    await asyncio.to_thread(again.close)


async def test_counts_of_a_failed_commit_are_in_the_next_one(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append(store, 1)
    store.count_excluded(1, NOW_MS, {BOT: 2})
    write = store._exclusions.write

    def fail(connection: object) -> None:
        write(connection)  # type: ignore[arg-type]
        raise StorageError("the disk is full")

    monkeypatch.setattr(store._exclusions, "write", fail)
    with pytest.raises(StorageError):
        # The report folds the journal, which writes the counts.
        await store.names(1)
    monkeypatch.undo()
    assert await store.excluded(1, NOW_MS, NOW_MS + 1) == {BOT: 2}
    await append(store, 2)
    assert await store.excluded(1, NOW_MS, NOW_MS + 1) == {BOT: 2}


async def test_a_deleted_project_has_no_counts(store: DuckEventStore) -> None:
    store.count_excluded(1, NOW_MS, {BOT: 2})
    await append(store, 1)
    store.count_excluded(1, NOW_MS, {BOT: 2})
    await store.delete_project(1)
    assert await store.excluded(1, NOW_MS, NOW_MS + 1) == {}
