"""Shows evaluations in threads that the event loop is late, so that they let it run.

A request runs on the event loop, which waits for the GIL at each of its steps. Beside an
evaluation over a million series, and clients that keep the loop busy, the steps of one
request add up to a tenth of a second. An evaluation therefore sleeps for a moment between
its pieces while the loop is late.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

_BEAT_S: Final = 0.01
_LATE_S: Final = 0.03
"""A loop whose last beat is older is late."""
PAUSE_S: Final = 0.002
"""About as long as a piece of an evaluation takes: the evaluation keeps half of its speed."""


class LoopPulse:
    """The beats of an event loop, while evaluations run.

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
        self._beaten_s = 0.0
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat; on the loop."""
        if self._next is None:
            self._beat(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop beating; on the loop."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def yield_if_late(self) -> None:
        """Sleep for a moment if the loop is late; called in the threads of evaluations."""
        if self._next is not None and self._monotonic() - self._beaten_s > _LATE_S:
            self._sleep(PAUSE_S)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beaten_s = self._monotonic()
        self._next = loop.call_later(_BEAT_S, self._beat, loop)
