import asyncio
import itertools
from contextlib import suppress
from pathlib import Path

import pytest

from storage.api.events import EventSelection
from storage.api.new_events import NewEvent
from storage.events import DuckEventStore
from storage.events.files import copy_event_store, event_store_problems

NOW_MS = 1_764_000_000_000
EVER = EventSelection(1, 0, 2**53)


def events(first: int, count: int) -> list[NewEvent]:
    return [NewEvent(f"{n}", "open", NOW_MS, f"p{n % 7}") for n in range(first, first + count)]


async def stored(path: Path) -> int:
    store = DuckEventStore(path)
    try:
        return (await store.totals(EVER)).events
    finally:
        await asyncio.to_thread(store.close)


@pytest.mark.slow
async def test_a_copy_of_a_store_in_use_holds_every_acknowledged_event(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    store = DuckEventStore(path)
    await store.append(1, events(0, 50), NOW_MS)
    acknowledged = 50

    async def write() -> None:
        nonlocal acknowledged
        for number in itertools.count(1):
            await store.append(1, events(number * 50, 50), NOW_MS)
            acknowledged = (number + 1) * 50
            if number % 20 == 10:
                # DuckDB writes one by itself with each 16 MB of its log.
                await store.checkpoint()

    writing = asyncio.ensure_future(write())
    for attempt in range(8):
        before = acknowledged
        copy = tmp_path / f"copy-{attempt}.duckdb"
        assert await asyncio.to_thread(copy_event_store, path, copy)
        assert await stored(copy) >= before
        assert await asyncio.to_thread(event_store_problems, copy) == []
    assert acknowledged > before
    writing.cancel()
    with suppress(asyncio.CancelledError):
        await writing
    await asyncio.to_thread(store.close)


async def test_a_missing_store_is_not_copied(tmp_path: Path) -> None:
    found = await asyncio.to_thread(
        copy_event_store, tmp_path / "events.duckdb", tmp_path / "copy.duckdb"
    )
    assert not found


async def test_a_damaged_store_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    store = DuckEventStore(path)
    await store.append(1, events(0, 5000), NOW_MS)
    await asyncio.to_thread(store.close)
    assert await asyncio.to_thread(event_store_problems, path) == []

    def damage() -> None:
        data = bytearray(path.read_bytes())
        for at in range(0x3000, len(data), 997):
            data[at] ^= 0xFF
        path.write_bytes(data)

    await asyncio.to_thread(damage)
    assert await asyncio.to_thread(event_store_problems, path)
