import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import structlog
from hypothesis import given
from hypothesis import strategies as st

from alerting.evaluation.runner import GroupRunner
from alerting.time_source import TimeSource
from tests.alerting.alerting_doubles import NOW_MS, SetClock
from tests.patience import PATIENCE_S

INTERVAL_MS = 15_000


async def run(
    clock: SetClock,
    count: int,
    during: Callable[[int], None] = lambda tick_ms: None,
    delay_ms: int = 0,
) -> tuple[list[int], GroupRunner]:
    """Evaluate this often; `during` may move the clock."""
    ticks: list[int] = []
    done = asyncio.Event()

    async def evaluate(tick_ms: int) -> None:
        ticks.append(tick_ms)
        during(tick_ms)
        if len(ticks) == count:
            done.set()
            await asyncio.Event().wait()

    runner = GroupRunner(
        "g", INTERVAL_MS, evaluate, TimeSource(clock, clock.sleep, clock.monotonic)
    )
    task = asyncio.create_task(runner.run(delay_ms))
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return ticks, runner


@asynccontextmanager
async def watched(clock: SetClock, during: Callable[[int], None]) -> AsyncIterator[GroupRunner]:
    """Evaluate until the block ends."""

    async def evaluate(tick_ms: int) -> None:
        during(tick_ms)

    runner = GroupRunner(
        "g", INTERVAL_MS, evaluate, TimeSource(clock, clock.sleep, clock.monotonic)
    )
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the runner has no event
            await asyncio.sleep(0)


async def test_evaluations_are_evenly_spaced_and_on_time() -> None:
    clock = SetClock()
    ticks, runner = await run(clock, 4)
    assert [later - tick for tick, later in pairwise(ticks)] == [INTERVAL_MS] * 3
    assert ticks[0] - NOW_MS < INTERVAL_MS
    assert clock.now_ms == ticks[-1]
    assert runner.missed == 0


async def test_groups_have_different_offsets_that_survive_a_restart() -> None:
    async def nothing(tick_ms: int) -> None:
        return None

    first = [
        GroupRunner(name, INTERVAL_MS, nothing, TimeSource(SetClock())).tick_from(NOW_MS)
        for name in "abcdef"
    ]
    later = [
        GroupRunner(name, INTERVAL_MS, nothing, TimeSource(SetClock())).tick_from(
            NOW_MS + INTERVAL_MS
        )
        for name in "abcdef"
    ]
    assert len(set(first)) > 1
    assert later == [tick + INTERVAL_MS for tick in first]


async def test_first_evaluation_waits_for_its_delay() -> None:
    ticks, _ = await run(SetClock(), 1, delay_ms=60_000)
    assert NOW_MS + 60_000 <= ticks[0] < NOW_MS + 60_000 + INTERVAL_MS


async def test_slow_evaluation_skips_times_and_stays_evenly_spaced() -> None:
    clock = SetClock()

    def slow(tick_ms: int) -> None:
        if clock.now_ms == tick_ms:
            clock.now_ms += 2 * INTERVAL_MS + 1 if len(seen) == 1 else 0
        seen.append(tick_ms)

    seen: list[int] = []
    with structlog.testing.capture_logs() as lines:
        ticks, runner = await run(clock, 4, slow)
    assert [(tick - ticks[0]) // INTERVAL_MS for tick in ticks] == [0, 1, 4, 5]
    assert runner.missed == 2
    assert [(line["event"], line["count"]) for line in lines] == [("evaluations_missed", 2)]


async def test_group_goes_on_after_the_clock_is_set_back() -> None:
    clock = SetClock()

    def set_back(tick_ms: int) -> None:
        if tick_ms > NOW_MS + INTERVAL_MS:
            clock.set_to(NOW_MS - 3_600_000)

    ticks, _ = await run(clock, 4, set_back)
    assert ticks[2] < ticks[1]
    assert ticks[3] - ticks[2] == INTERVAL_MS


async def test_a_clock_that_is_set_forward_makes_no_evaluation_late_or_missed() -> None:
    clock, lags = SetClock(), []

    def set_forward(tick_ms: int) -> None:
        lags.append(runner.lag_s)
        if len(lags) == 2:
            clock.set_to(clock.now_ms + 3 * 365 * 86_400_000)

    async with watched(clock, set_forward) as runner:
        await until(lambda: len(lags) >= 4)
        assert max(lags) == 0
        assert runner.missed == 0


async def test_lag_is_what_an_evaluation_begins_late_or_ends_after_the_next_time() -> None:
    clock, lags, begun = SetClock(), [], 0

    def late(tick_ms: int) -> None:
        nonlocal begun
        begun += 1
        lags.append(runner.lag_s)
        clock.now_ms += {2: INTERVAL_MS - 1, 3: INTERVAL_MS + 7_000}.get(begun, 0)

    async with watched(clock, late) as runner:
        await until(lambda: begun >= 5)
        # The third took seven seconds more than its interval; the others were on time.
        assert lags[:5] == [0, 0, 0, 7, 0]


async def test_lag_grows_while_an_evaluation_does_not_end_and_while_none_begins() -> None:
    clock, stuck = SetClock(), asyncio.Event()

    async def hang(tick_ms: int) -> None:
        stuck.set()
        await asyncio.Event().wait()

    runner = GroupRunner("g", INTERVAL_MS, hang, TimeSource(clock, clock.sleep, clock.monotonic))
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(PATIENCE_S):
        await stuck.wait()
    assert runner.lag_s <= 0
    clock.now_ms += INTERVAL_MS + 60_000
    assert runner.lag_s == 60
    task.cancel()
    await asyncio.wait([task])
    assert runner.lag_s == 0

    async def asleep(seconds: float) -> None:
        await asyncio.Event().wait()

    runner = GroupRunner("g", INTERVAL_MS, hang, TimeSource(clock, asleep, clock.monotonic))
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0)
    clock.now_ms += 2 * INTERVAL_MS
    assert runner.lag_s >= INTERVAL_MS / 1000
    task.cancel()
    await asyncio.wait([task])


@given(st.integers(0, 2**42), st.integers(1, 10**8))
def test_next_time_is_never_before_and_less_than_an_interval_away(
    time_ms: int, interval_ms: int
) -> None:
    async def nothing(tick_ms: int) -> None:
        return None

    tick_ms = GroupRunner("g", interval_ms, nothing, TimeSource(SetClock())).tick_from(time_ms)
    assert time_ms <= tick_ms < time_ms + interval_ms
