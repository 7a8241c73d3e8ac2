"""Work of all senders: one piece at a time, in order, finished even if the caller goes away."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from ingest.series.executor import ThreadTurns


class Pieces:
    """Work that notes when it runs, and waits to be let go.

    Attributes:
        begun: the numbers of the pieces, in the order in which they began.
        most: how many ran at the same time at most.
    """

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()
        self._began, self._go = threading.Event(), threading.Event()

    def piece(self, number: int) -> Callable[[], int]:
        def work() -> int:
            with self._lock:
                self.begun.append(number)
                self._running += 1
                self.most = max(self.most, self._running)
            self._began.set()
            self._go.wait()
            with self._lock:
                self._running -= 1
            return number

        return work

    async def until_one_begins(self) -> None:
        await asyncio.to_thread(self._began.wait)

    def let_go(self) -> None:
        self._go.set()


@pytest.fixture
async def pieces() -> AsyncIterator[Pieces]:
    pieces = Pieces()
    yield pieces
    # A test that failed leaves no thread waiting.
    pieces.let_go()


async def test_pieces_run_one_at_a_time_in_order(pieces: Pieces) -> None:
    turns = ThreadTurns()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(turns.run(pieces.piece(number))) for number in range(5)]
        await pieces.until_one_begins()
        pieces.let_go()
    assert [task.result() for task in tasks] == [0, 1, 2, 3, 4] == pieces.begun
    assert pieces.most == 1


async def test_a_piece_whose_caller_is_cancelled_ends_before_the_next_begins(
    pieces: Pieces,
) -> None:
    turns = ThreadTurns()
    first = asyncio.create_task(turns.run(pieces.piece(1)))
    await pieces.until_one_begins()
    second = asyncio.create_task(turns.run(pieces.piece(2)))
    first.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert pieces.begun == [1]
    pieces.let_go()
    assert await second == 2
    assert first.cancelled()
    assert pieces.most == 1


async def test_a_caller_that_is_cancelled_while_it_waits_leaves_its_piece_undone(
    pieces: Pieces,
) -> None:
    turns = ThreadTurns()
    first = asyncio.create_task(turns.run(pieces.piece(1)))
    await pieces.until_one_begins()
    second = asyncio.create_task(turns.run(pieces.piece(2)))
    await asyncio.sleep(0)
    second.cancel()
    pieces.let_go()
    assert (await first, await turns.run(pieces.piece(3))) == (1, 3)
    assert pieces.begun == [1, 3]


async def test_an_error_reaches_the_caller_and_ends_the_turn() -> None:
    turns = ThreadTurns()
    with pytest.raises(ZeroDivisionError):
        await turns.run(lambda: 1 // 0)
    assert await turns.run(lambda: 1) == 1
