"""The choice between a thread and the event loop."""

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
    """A clock that only the work itself moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Runs:
    """Work whose cost a test sets; remembers the threads it ran on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.busy: list[bool] = []
        self.dispatcher = Dispatcher(2, self.clock, self.busy.append)
        self.threads: list[int] = []
        self.duration_s = QUICK_S
        self.samples = 100

    def guard(self, max_samples: int = 1_000_000) -> Guard:
        return Guard(60.0, max_samples, self.clock)

    def work(self, guard: Guard) -> str:
        self.threads.append(threading.get_ident())
        guard.spend(self.samples)
        self.clock.now_s += self.duration_s
        guard.check()
        return "answer"

    async def run(self, steps: int = 10, max_samples: int = 1_000_000) -> list[str]:
        """Evaluate a second later; return where each attempt ran."""
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


async def test_quick_queries_run_on_the_event_loop_next_time() -> None:
    async with open_runs() as runs:
        assert await runs.run() == ["thread"]
        assert await runs.run() == ["loop"]
        assert await runs.run() == ["loop"]


async def test_slow_queries_never_run_on_the_event_loop() -> None:
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


async def test_an_attempt_that_reads_many_more_samples_starts_again_in_a_thread() -> None:
    async with open_runs() as runs:
        await runs.run()
        runs.samples *= 100
        assert await runs.run() == ["loop", "thread"]


async def test_an_attempt_that_takes_long_starts_again_in_a_thread_and_is_the_last() -> None:
    async with open_runs() as runs:
        await runs.run()
        runs.duration_s = SLOW_S
        assert await runs.run() == ["loop", "thread"]
        assert await runs.run() == ["thread"]


async def test_the_event_loop_is_free_for_as_long_as_an_attempt_took() -> None:
    async with open_runs() as runs:
        await runs.run()
        await runs.run()
        runs.threads.clear()
        # Each query arrives when the one before has ended.
        for _ in range(4):
            await runs.dispatcher.run(QUERY, 10, runs.guard(), runs.work)
        assert runs.places() == ["thread", "loop", "thread", "loop"]


async def test_no_query_runs_on_the_event_loop_while_a_thread_evaluates() -> None:
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


async def test_urgent_evaluations_do_not_wait_for_a_thread_of_other_queries() -> None:
    started, may_end = threading.Semaphore(0), threading.Event()

    def slow(guard: Guard) -> None:
        started.release()
        may_end.wait(60)

    async with open_runs() as runs:
        # More than there are threads: some of them wait for one.
        viewers = [
            asyncio.create_task(runs.dispatcher.run(f"slow{n}", 1, runs.guard(), slow))
            for n in range(10)
        ]
        for _ in range(2):
            await asyncio.to_thread(started.acquire)
        answer = await runs.dispatcher.run(QUERY, 1, runs.guard(), runs.work, urgent=True)
        assert answer == "answer"
        assert not any(viewer.done() for viewer in viewers)
        may_end.set()
        await asyncio.gather(*viewers)


async def test_callback_says_whether_any_thread_evaluates() -> None:
    may_end = threading.Event()

    def slow(guard: Guard) -> None:
        may_end.wait(30)

    async with open_runs() as runs:
        first, second = (
            asyncio.create_task(runs.dispatcher.run(name, 1, runs.guard(), slow)) for name in "ab"
        )
        await asyncio.sleep(0)
        assert runs.busy == [True, True]
        first.cancel()
        await asyncio.wait([first])
        assert runs.busy[-1:] == [True]
        may_end.set()
        await second
        assert runs.busy[-1:] == [False]
        await runs.run()
        calls = list(runs.busy)
        assert await runs.run() == ["loop"]
        assert runs.busy == calls


async def test_limits_hold_on_the_event_loop() -> None:
    async with open_runs() as runs:
        await runs.run()
        with pytest.raises(TooManySamplesError):
            await runs.run(max_samples=50)
        assert runs.places() == ["loop"]


async def test_a_closed_dispatcher_evaluates_nothing() -> None:
    async with open_runs() as runs:
        await runs.run()
        await asyncio.to_thread(runs.dispatcher.close)
        with pytest.raises(QueryCanceledError):
            await runs.run()
        assert runs.places() == []
