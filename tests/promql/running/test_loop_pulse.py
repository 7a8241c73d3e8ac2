"""Evaluations give way to an event loop that is late."""

import asyncio

from promql.running.evaluation_lock import EvaluationLock, TimeSlice
from promql.running.loop_pulse import PAUSE_S, LoopPulse
from tests.promql.running.test_dispatch import Clock
from tests.system.processes import until


class Watched:
    """A pulse on a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.pauses: list[float] = []
        self.pulse = LoopPulse(self.clock, self.pauses.append)


async def test_evaluations_sleep_for_a_moment_while_the_loop_is_late() -> None:
    watched = Watched()
    watched.pulse.start()
    watched.pulse.yield_if_late()
    assert watched.pauses == []
    watched.clock.now_s += 1
    watched.pulse.yield_if_late()
    watched.pulse.yield_if_late()
    assert watched.pauses == [PAUSE_S, PAUSE_S]

    async def has_beaten() -> bool:
        before = len(watched.pauses)
        watched.pulse.yield_if_late()
        return len(watched.pauses) == before

    await until(has_beaten, "the loop to beat again")
    watched.pulse.stop()


async def test_nobody_gives_way_once_no_evaluation_runs() -> None:
    watched = Watched()
    watched.pulse.start()
    watched.pulse.stop()
    watched.clock.now_s += 1
    watched.pulse.yield_if_late()
    assert watched.pauses == []
    await asyncio.sleep(0)


async def test_urgent_evaluations_do_not_give_way() -> None:
    watched = Watched()
    watched.pulse.start()
    watched.clock.now_s += 1
    lock = EvaluationLock(watched.clock)
    with TimeSlice(lock, urgent=True) as own:
        own.offer()
    assert watched.pauses == []
    with TimeSlice(lock, pulse=watched.pulse) as own:
        own.offer()
    assert watched.pauses == [PAUSE_S]
    watched.pulse.stop()
