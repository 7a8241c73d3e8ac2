"""Evaluations pause while the event loop is late."""

from promql.running.evaluation_lock import EvaluationLock, TimeSlice
from promql.running.evaluation_throttle import PAUSE_S, EvaluationThrottle
from tests.promql.running.test_dispatch import Clock
from tests.system.processes import until


class Throttled:
    """A throttle on a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.pauses: list[float] = []
        self.throttle = EvaluationThrottle(self.clock, self.pauses.append)


async def test_evaluations_pause_while_the_loop_is_late() -> None:
    throttled = Throttled()
    throttled.throttle.start()
    throttled.throttle.pause_if_late()
    assert throttled.pauses == []
    throttled.clock.now_s += 1
    throttled.throttle.pause_if_late()
    throttled.throttle.pause_if_late()
    assert throttled.pauses == [PAUSE_S, PAUSE_S]

    async def has_run() -> bool:
        before = len(throttled.pauses)
        throttled.throttle.pause_if_late()
        return len(throttled.pauses) == before

    await until(has_run, "the loop to run again")
    throttled.throttle.stop()


async def test_no_evaluation_pauses_once_the_timer_is_stopped() -> None:
    throttled = Throttled()
    throttled.throttle.start()
    throttled.throttle.stop()
    throttled.clock.now_s += 1
    throttled.throttle.pause_if_late()
    assert throttled.pauses == []


async def test_urgent_evaluations_do_not_pause() -> None:
    throttled = Throttled()
    throttled.throttle.start()
    throttled.clock.now_s += 1
    lock = EvaluationLock(throttled.clock)
    with TimeSlice(lock, urgent=True) as own:
        own.offer()
    assert throttled.pauses == []
    with TimeSlice(lock, throttle=throttled.throttle) as own:
        own.offer()
    assert throttled.pauses == [PAUSE_S]
    throttled.throttle.stop()
