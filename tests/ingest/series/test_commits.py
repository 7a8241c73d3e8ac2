import asyncio

import pytest

from ingest.series.commits import GroupCommit
from storage.api.errors import StorageError, StoreClosedError
from tests.patience import PATIENCE_S


class Part:
    """A store that counts its commits; each waits for the gate."""

    def __init__(self) -> None:
        self.commits = 0
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.error: StorageError | None = None

    async def commit(self) -> None:
        self.commits += 1
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error


async def test_waiting_requests_share_a_commit() -> None:
    part = Part()
    async with GroupCommit(part).running() as commits, asyncio.timeout(PATIENCE_S):
        first = asyncio.ensure_future(commits.committed())
        await part.begun.wait()
        # Requests that arrive during a commit wait for the next one.
        others = [asyncio.ensure_future(commits.committed()) for _ in range(1000)]
        await asyncio.sleep(0)
        part.gate.set()
        await asyncio.gather(first, *others)
    assert part.commits == 2


async def test_stores_are_committed_in_order() -> None:
    samples, messages = Part(), Part()
    messages.gate.set()
    async with GroupCommit(samples, messages).running() as commits, asyncio.timeout(PATIENCE_S):
        waiting = asyncio.ensure_future(commits.committed())
        await samples.begun.wait()
        assert not messages.begun.is_set()
        samples.gate.set()
        await waiting
    assert messages.commits == 1


async def test_cancelled_request_does_not_delay_the_others() -> None:
    part = Part()
    async with GroupCommit(part).running() as commits, asyncio.timeout(PATIENCE_S):
        leaving, staying = (asyncio.ensure_future(commits.committed()) for _ in range(2))
        await part.begun.wait()
        leaving.cancel()
        part.gate.set()
        await staying
    assert leaving.cancelled()


async def test_commit_succeeds_after_a_failed_one() -> None:
    part = Part()
    part.gate.set()
    part.error = StorageError("disk is full")
    async with GroupCommit(part).running() as commits, asyncio.timeout(PATIENCE_S):
        with pytest.raises(StorageError, match="disk is full"):
            await commits.committed()
        part.error = None
        await commits.committed()


async def test_requests_waiting_at_the_end_fail() -> None:
    part = Part()
    async with GroupCommit(part).running() as commits:
        waiting = asyncio.ensure_future(commits.committed())
        await part.begun.wait()
    with pytest.raises(StoreClosedError):
        await waiting
    with pytest.raises(StoreClosedError):
        await commits.committed()
