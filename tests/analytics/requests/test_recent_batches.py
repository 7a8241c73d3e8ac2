"""A batch whose answer was lost is stored once."""

import asyncio
import itertools

import pytest

from analytics.requests.recent_batches import RecentBatches

HOUR_MS = 3_600_000


class Store:
    """Counts what is stored; `go` lets it continue."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None

    async def store(self) -> int:
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return next(self.numbers)


async def test_a_repeated_batch_gets_the_first_answer() -> None:
    recent, store = RecentBatches[int](lambda: 0), Store()
    assert [await recent.once(1, "a", store.store) for _ in range(3)] == [1, 1, 1]
    # Other projects and other ids are other batches.
    assert await recent.once(2, "a", store.store) == 2
    assert await recent.once(1, "b", store.store) == 3


async def test_a_batch_without_an_id_is_always_stored() -> None:
    recent, store = RecentBatches[int](lambda: 0), Store()
    assert [await recent.once(1, "", store.store) for _ in range(2)] == [1, 2]


async def test_a_repetition_waits_for_the_batch_that_is_being_stored() -> None:
    recent, store = RecentBatches[int](lambda: 0), Store()
    store.go.clear()
    tasks = [asyncio.ensure_future(recent.once(1, "a", store.store)) for _ in range(5)]
    await asyncio.sleep(0)
    store.go.set()
    assert await asyncio.gather(*tasks) == [1] * 5


async def test_after_a_failure_one_repetition_stores_the_batch() -> None:
    recent, store = RecentBatches[int](lambda: 0), Store()
    store.go.clear()
    store.error = OSError("the disk is full")
    first = asyncio.ensure_future(recent.once(1, "a", store.store))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(recent.once(1, "a", store.store)) for _ in range(3)]
    await asyncio.sleep(0)
    store.go.set()
    with pytest.raises(OSError, match="the disk is full"):
        await first
    store.error = None
    assert await asyncio.gather(*others) == [1] * 3


async def test_a_batch_is_forgotten_after_an_hour() -> None:
    now_ms = 0
    recent, store = RecentBatches[int](lambda: now_ms), Store()
    assert await recent.once(1, "a", store.store) == 1
    now_ms = HOUR_MS
    assert await recent.once(1, "b", store.store) == 2
    assert await recent.once(1, "a", store.store) == 3
    assert len(recent._answers) == 2
