"""Group commit: what waits together is committed together, and every sender is answered."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from storage.api.errors import StorageError, StoreClosedError
from storage.events.appending.commit_queue import Batch, CommitQueue
from storage.events.database import EventDatabase
from storage.events.settings import EventStoreSettings


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[EventDatabase]:
    database = EventDatabase(tmp_path / "events.duckdb", EventStoreSettings(), lambda _: None)
    yield database
    await asyncio.to_thread(database.close)


class Writer:
    """Records each commit; the first one waits until `go` is set."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.go, self.has_begun = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    @property
    def rows(self) -> list[int]:
        return [row for commit in self.commits for row in commit]

    def write(self, batches: Sequence[Batch[list[int], int]]) -> Sequence[int]:
        self.has_begun.set()
        self.go.wait(60)
        self.commits.append([row for batch in batches for row in batch.rows])
        if self.error is not None:
            raise self.error
        return [sum(batch.rows) for batch in batches]


async def started(queue: CommitQueue[list[int], int], count: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.ensure_future(queue.append(1, [number], 0)) for number in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_batches_that_arrive_during_a_commit_share_the_next_one(
    database: EventDatabase,
) -> None:
    writer = Writer()
    tasks = await started(CommitQueue(database.on_journal, writer.write), 50)
    writer.go.set()
    assert await asyncio.gather(*tasks) == list(range(50))
    assert writer.rows == list(range(50))
    assert len(writer.commits) <= 2


async def test_a_large_commit_is_divided_and_other_work_get_their_turn(
    database: EventDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.events.appending.commit_queue._LARGEST_COMMIT", 10)
    writer = Writer()
    tasks = await started(CommitQueue(database.on_journal, writer.write), 35)
    commits_before = list[int]()
    database.on_journal(lambda: commits_before.append(len(writer.commits)))
    await asyncio.sleep(0)
    writer.go.set()
    await asyncio.gather(*tasks)
    assert writer.rows == list(range(35))
    assert commits_before[0] < len(writer.commits)


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ValueError("a bug")])
async def test_every_sender_of_a_failed_commit_gets_its_error(
    database: EventDatabase, error: Exception
) -> None:
    writer = Writer()
    writer.error = error
    queue = CommitQueue(database.on_journal, writer.write)
    tasks = await started(queue, 3)
    writer.go.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [StorageError] * 3
    writer.error = None
    assert await queue.append(1, [7], 0) == 7


async def test_a_sender_that_left_changes_nothing_for_the_others(database: EventDatabase) -> None:
    writer = Writer()
    tasks = await started(CommitQueue(database.on_journal, writer.write), 3)
    tasks[1].cancel()
    writer.go.set()
    assert [await tasks[0], await tasks[2]] == [0, 2]
    assert writer.rows == [0, 1, 2]


async def test_batches_that_wait_while_the_store_closes_are_committed(
    database: EventDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.events.appending.commit_queue._LARGEST_COMMIT", 1)
    writer = Writer()
    queue = CommitQueue(database.on_journal, writer.write)
    tasks = await started(queue, 3)
    closing = asyncio.create_task(asyncio.to_thread(database.close))
    while not database._is_closed:  # noqa: ASYNC110
        await asyncio.sleep(0)
    writer.go.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2]
    await closing
    with pytest.raises(StoreClosedError):
        await queue.append(1, [1], 0)
    with pytest.raises(StoreClosedError):
        await queue.append(1, [1], 0)


async def test_only_parallel_senders_wait_for_each_other(
    database: EventDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("storage.events.appending.commit_queue.time.sleep", pauses.append)
    monkeypatch.setattr("storage.events.appending.commit_queue._GATHERING_S", 1000.0)
    writer = Writer()
    writer.go.set()
    queue = CommitQueue(database.on_journal, writer.write)
    for number in range(3):
        await queue.append(1, [number], 0)
    # One sender gets every answer as early as possible.
    assert pauses == []
    writer.go.clear()
    writer.has_begun.clear()
    first = await started(queue, 1)
    await asyncio.to_thread(writer.has_begun.wait, 60)
    # All of these wait for the first one, and share the next commit.
    tasks = first + await started(queue, 5)
    writer.go.set()
    await asyncio.gather(*tasks)
    pauses.clear()
    await queue.append(1, [7], 0)
    assert len(pauses) == 1
    # That commit had one batch.
    await queue.append(1, list(range(600)), 0)
    assert len(pauses) == 1
