"""The lag of the event loop is measured from outside, and feeds the watchdog."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from daemon.server import loop_lag
from daemon.server.loop_lag import LoopLagMonitor
from tests.patience import PATIENCE_S


class StepClock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "_CHECK_S", 0.01)


async def answered(monitor: LoopLagMonitor) -> None:
    """Wait until the loop has answered once more."""
    before = monitor._answers
    async with asyncio.timeout(PATIENCE_S):
        while monitor._answers == before:  # noqa: ASYNC110 - the monitor has no event
            await asyncio.sleep(0.001)


def stand_still_until(condition: Callable[[], bool]) -> None:
    """Keep the event loop from running."""
    while not condition():
        for _ in range(10_000):
            pass


async def test_lag_grows_while_the_loop_stands_still_and_is_remembered() -> None:
    async with LoopLagMonitor() as monitor:
        stand_still_until(lambda: monitor.lag_s() >= 0.2)
        await answered(monitor)
        assert monitor.lag_s() >= 0.2


async def test_stall_is_forgotten_after_a_minute() -> None:
    clock = StepClock()
    monitor = LoopLagMonitor(monotonic=clock)
    clock.now_s += 7
    monitor._answer(1000.0)
    assert monitor.lag_s() == 7
    clock.now_s += 59
    monitor._answer(clock.now_s - 2)
    assert monitor.lag_s() == 7
    clock.now_s += 2
    assert monitor.lag_s() == 2


async def test_watchdog_is_fed_only_while_something_is_evaluated() -> None:
    fed = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with LoopLagMonitor(lambda: loop.call_soon_threadsafe(fed.set)) as monitor:
        async with asyncio.timeout(PATIENCE_S):
            await fed.wait()
        asked = threading.Semaphore(0)

        def stalled_s() -> float:
            asked.release()
            return 601.0

        monitor.evaluation_stall_s = stalled_s
        for _ in range(2):
            await asyncio.to_thread(asked.acquire)
        fed.clear()
        for _ in range(3):
            await asyncio.to_thread(asked.acquire)
        assert not fed.is_set()


async def test_watchdog_is_not_fed_while_the_loop_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fed: list[float] = []
    async with LoopLagMonitor(lambda: fed.append(time.monotonic())) as monitor:
        await answered(monitor)
        begun_s = time.monotonic()
        stand_still_until(lambda: monitor.lag_s() >= 0.2)
        ended_s = time.monotonic()
    # One answer may have been on its way when the loop stopped.
    assert len([one for one in fed if begun_s < one < ended_s]) <= 1


async def test_thread_ends_with_the_block_even_if_the_loop_has_not_answered() -> None:
    async with LoopLagMonitor() as monitor:
        stand_still_until(lambda: monitor._asked_s is not None)
    assert monitor._thread is not None
    assert not monitor._thread.is_alive()


def test_feed_is_due_at_half_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    clock = StepClock()
    monkeypatch.setattr(loop_lag, "sd_notify", sent.append)
    monkeypatch.setattr(loop_lag, "watchdog_interval_s", lambda: 30.0)
    feed = loop_lag.watchdog_feed(clock)
    assert feed is not None
    for _ in range(61):
        feed()
        clock.now_s += 1
    assert sent == ["WATCHDOG=1"] * 3
    monkeypatch.setattr(loop_lag, "watchdog_interval_s", lambda: None)
    assert loop_lag.watchdog_feed(clock) is None
