import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from storage.api.events import EventSelection
from storage.api.new_events import NewEvent, NewEvents
from storage.events import DuckEventStore, compaction
from storage.events.files import event_store_problems

NOW_MS = 1_764_000_000_000
EVER = EventSelection(1, 0, 2**53)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


def events(first: int, count: int) -> NewEvents:
    random = Random(first)
    return NewEvents.of(
        NewEvent(f"{n}", "open", NOW_MS + n, "ann", f'{{"x":"{random.randbytes(40).hex()}"}}')
        for n in range(first, first + count)
    )


async def test_a_file_with_few_deleted_events_stays(store: DuckEventStore) -> None:
    await store.append(1, events(0, 100), NOW_MS)
    await store.delete_before(1, NOW_MS + 90)
    assert await store.compact() == 0


async def test_a_store_without_a_file_has_nothing_to_give_back(
    store: DuckEventStore, tmp_path: Path
) -> None:
    assert await store.compact() == 0
    assert not await asyncio.to_thread((tmp_path / "events.duckdb").exists)


@pytest.mark.slow
async def test_space_of_deleted_events_is_given_back_while_reports_and_writes_go_on(
    store: DuckEventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_LEAST_FREE_BYTES", 2**20)
    # DuckDB frees blocks of 122,880 rows once all are deleted.
    for first in range(0, 260_000, 20_000):
        await store.append(1, events(first, 20_000), NOW_MS)
    await store.checkpoint()
    await store.delete_before(1, NOW_MS + 259_000)
    exported = [each async for block in store.export(EVER) for each in block]

    async def read() -> int:
        return (await store.totals(EVER)).events

    freed, more, counts = await asyncio.gather(
        store.compact(),
        store.append(1, events(300_000, 10), NOW_MS),
        asyncio.gather(*[read() for _ in range(20)]),
    )
    assert freed > 2**20
    assert more.stored == 10
    assert set(counts) <= {1000, 1010}
    assert await read() == 1010
    assert (await store.append(1, events(259_990, 20), NOW_MS)).stored == 10
    again = [each async for block in store.export(EVER) for each in block]
    assert again[:1000] == exported
    await asyncio.to_thread(store.close)
    assert await asyncio.to_thread(lambda: list(tmp_path.glob("*.compact*"))) == []
    assert await asyncio.to_thread(event_store_problems, tmp_path / "events.duckdb") == []
