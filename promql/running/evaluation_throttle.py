"""Evaluations in threads pause for moments while the event loop is late.

A request runs on the event loop, which waits for the GIL at each of its steps. Beside an
evaluation over a million series, and clients that keep the loop busy, the steps of one
request add up to a tenth of a second. An evaluation therefore sleeps between its pieces
while the loop is late.

`daemon/server/loop_lag.py` measures the lag as well, but cannot serve here: it looks twice a
second from a thread of its own, to report stalls of seconds. A thread that looked every
10 ms would compete for the GIL; a timer on the loop does not, and runs beside evaluations
only.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_TIMER_S: Final = 0.01
_LATE_S: Final = 0.03
"""The loop is late if the timer has not run for this long."""
PAUSE_S: Final = 0.002
"""About as long as a piece of an evaluation takes: the evaluation keeps half of its speed."""


class EvaluationThrottle:
    """Slows evaluations in threads down while the event loop is late.

    Args:
        monotonic: a clock in seconds.
        sleep: stops the calling thread.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._loop_ran_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the timer on the running loop."""
        if self._timer is None:
            self._run_timer(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop the timer; called on the loop. No evaluation pauses any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_if_late(self) -> None:
        """Sleep for `PAUSE_S` if the loop is late; called in the threads of evaluations."""
        if self._timer is not None and self._monotonic() - self._loop_ran_s > _LATE_S:
            self._sleep(PAUSE_S)

    def _run_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop_ran_s = self._monotonic()
        self._timer = loop.call_later(_TIMER_S, self._run_timer, loop)
