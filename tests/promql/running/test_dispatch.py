"""Where evaluations run."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from promql.api import QueryCanceledError, TooManySamplesError
from promql.running.dispatch import Dispatcher
from promql.running.guard import Guard

QUICK_S = 0.001
SLOW_S = 0.5
QUERY = "rate(x[5m])"


class Clock:
    """Stands still but for the work that is done."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Runs:
    """Work whose cost a test sets, and where it was done."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.shared: list[bool] = []
        self.dispatcher = Dispatcher(2, self.clock, self.shared.append)
        self.threads: list[int] = []
        self.duration_s = QUICK_S
        self.samples = 100
        self.waits = False

    def guard(self, max_samples: int = 1_000_000) -> Guard:
        return Guard(60.0, max_samples, self.clock)

    def work(self, guard: Guard) -> str:
        self.threads.append(threading.get_ident())
        if self.waits:
            guard.expect_wait()
        guard.spend(self.samples)
        self.clock.now_s += self.duration_s
        guard.check()
        return "answer"

    async def run(self, steps: int = 10, max_samples: int = 1_000_000) -> list[str]:
        """Evaluate once more, some time later; return where, try by try."""
        self.clock.now_s += 1
        self.threads.clear()
        assert (
            await self.dispatcher.run(QUERY, steps, self.guard(max_samples), self.work) == "answer"
        )
        return self.places()

    def places(self) -> list[str]:
        own = threading.get_ident()
        return ["loop" if thread == own else "thread" for thread in self.threads]


@asynccontextmanager
async def open_runs() -> AsyncIterator[Runs]:
    runs = Runs()
    try:
        yield runs
    finally:
        await asyncio.to_thread(runs.dispatcher.close)


async def test_what_was_quick_is_evaluated_on_the_loop_from_then_on() -> None:
    async with open_runs() as runs:
        assert await runs.run() == ["thread"]
        assert await runs.run() == ["loop"]
        assert await runs.run() == ["loop"]


async def test_what_was_slow_is_never_evaluated_on_the_loop() -> None:
    async with open_runs() as runs:
        runs.duration_s = SLOW_S
        assert await runs.run() == ["thread"]
        assert await runs.run() == ["thread"]


async def test_more_steps_than_the_last_time_go_to_a_thread() -> None:
    async with open_runs() as runs:
        await runs.run(steps=10)
        assert await runs.run(steps=11) == ["thread"]
        assert await runs.run(steps=11) == ["loop"]
        assert await runs.run(steps=5) == ["loop"]


async def test_a_try_that_would_wait_is_begun_anew_in_a_thread() -> None:
    async with open_runs() as runs:
        await runs.run()
        runs.waits = True
        assert await runs.run() == ["loop", "thread"]


async def test_a_try_that_reads_much_more_is_begun_anew_in_a_thread() -> None:
    async with open_runs() as runs:
        await runs.run()
        runs.samples *= 100
        assert await runs.run() == ["loop", "thread"]


async def test_a_try_that_lasts_is_begun_anew_in_a_thread_and_not_tried_again() -> None:
    async with open_runs() as runs:
        await runs.run()
        runs.duration_s = SLOW_S
        assert await runs.run() == ["loop", "thread"]
        assert await runs.run() == ["thread"]


async def test_the_loop_has_at_least_every_second_moment_to_itself() -> None:
    async with open_runs() as runs:
        await runs.run()
        await runs.run()
        runs.threads.clear()
        # None comes later than the one before has ended.
        for _ in range(4):
            await runs.dispatcher.run(QUERY, 10, runs.guard(), runs.work)
        assert runs.places() == ["thread", "loop", "thread", "loop"]


async def test_nothing_is_evaluated_on_the_loop_beside_another_evaluation() -> None:
    started, may_end = threading.Event(), threading.Event()

    def slow(guard: Guard) -> None:
        started.set()
        may_end.wait(30)

    async with open_runs() as runs:
        await runs.run()
        other = asyncio.create_task(runs.dispatcher.run("slow", 1, runs.guard(), slow))
        await asyncio.to_thread(started.wait, 30)
        assert await runs.run() == ["thread"]
        may_end.set()
        await other
        assert await runs.run() == ["loop"]


async def test_it_is_told_whether_any_thread_evaluates() -> None:
    may_end = threading.Event()

    def slow(guard: Guard) -> None:
        may_end.wait(30)

    async with open_runs() as runs:
        first, second = (
            asyncio.create_task(runs.dispatcher.run(name, 1, runs.guard(), slow)) for name in "ab"
        )
        await asyncio.sleep(0)
        assert runs.shared == [True, True]
        first.cancel()
        await asyncio.wait([first])
        assert runs.shared[-1:] == [True]
        may_end.set()
        await second
        assert runs.shared[-1:] == [False]
        await runs.run()
        told = list(runs.shared)
        assert await runs.run() == ["loop"]
        assert runs.shared == told


async def test_limits_hold_on_the_loop_as_well() -> None:
    async with open_runs() as runs:
        await runs.run()
        with pytest.raises(TooManySamplesError):
            await runs.run(max_samples=50)
        assert runs.places() == ["loop"]


async def test_nothing_is_evaluated_once_it_is_closed() -> None:
    async with open_runs() as runs:
        await runs.run()
        await asyncio.to_thread(runs.dispatcher.close)
        with pytest.raises(QueryCanceledError):
            await runs.run()
        assert runs.places() == []
