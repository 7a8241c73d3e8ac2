"""Measures from a thread of its own how late the event loop runs, and feeds systemd's watchdog.

A task on the loop could not measure a loop that stands still, and a task that the loop
wakes late would not notice. The thread therefore plans each check by the monotonic clock,
and counts from the planned time: a GIL that no thread gives up, or a stopped process, makes
the thread itself late, and that is part of the lag. `promql/running/evaluation_throttle.py`
looks for lags of tens of milliseconds beside evaluations, with a timer on the loop instead.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from model.process.sd_notify import sd_notify, watchdog_interval_s

_CHECK_S: Final = 0.5
_REMEMBERED_S: Final = 60.0
"""A stall stays visible this long: longer than the usual intervals of scrapes and checks."""
_STALLED_S: Final = 600.0
"""If no group has been evaluated for so long, only a restart helps.

Five times the time-out of a query: an overloaded server must not be restarted.
"""


class LoopLagMonitor:
    """Calls a function on the event loop twice a second, and measures when it runs.

        async with LoopLagMonitor() as monitor:
            monitor.lag_s()

    Args:
        feed: called while the loop and the evaluations run; `None` without a watchdog.
        monotonic: replaced in tests.

    Attributes:
        evaluation_stall_s: returns for how long nothing has been evaluated.
    """

    def __init__(
        self,
        feed: Callable[[], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.evaluation_stall_s: Callable[[], float] = lambda: 0.0
        self._feed, self._monotonic = feed, monotonic
        self._stopped = threading.Event()
        self._answered = threading.Event()
        self._asked_s: float | None = None
        self._answers = 0
        # Time and lag of the calls of the last minute, without those that a later and
        # larger lag outlives. Changed on the loop only; no lock, because the loop must not wait.
        self._lags: deque[tuple[float, float]] = deque()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        """Start the thread that measures the running loop."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._watch, args=(loop,), name="loop-lag", daemon=True
        )
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the thread; it ends within milliseconds."""
        self._stopped.set()
        self._answered.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def lag_s(self) -> float:
        """Return the longest lag of the loop in the last minute; any thread may call it."""
        now_s, asked_s = self._monotonic(), self._asked_s
        since_s = now_s - _REMEMBERED_S
        longest_s = max(
            (lag_s for at_s, lag_s in tuple(self._lags) if at_s >= since_s), default=0.0
        )
        return longest_s if asked_s is None else max(longest_s, now_s - asked_s)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        planned_s = self._monotonic() + _CHECK_S
        while not self._stopped.wait(max(0.0, planned_s - self._monotonic())):
            self._answered.clear()
            if self._stopped.is_set():
                return
            self._asked_s = planned_s
            try:
                loop.call_soon_threadsafe(self._answer, planned_s)
            except RuntimeError:
                # The loop is closed.
                return
            self._answered.wait()
            if self._feed is not None and self.evaluation_stall_s() < _STALLED_S:
                self._feed()
            planned_s = max(planned_s + _CHECK_S, self._monotonic())

    def _answer(self, planned_s: float) -> None:
        """Note the lag; runs on the loop."""
        now_s = self._monotonic()
        lag_s = now_s - planned_s
        while self._lags and self._lags[0][0] < now_s - _REMEMBERED_S:
            self._lags.popleft()
        while self._lags and self._lags[-1][1] <= lag_s:
            self._lags.pop()
        self._lags.append((now_s, lag_s))
        self._asked_s = None
        self._answers += 1
        self._answered.set()


def watchdog_feed(
    monotonic: Callable[[], float] = time.monotonic,
) -> Callable[[], None] | None:
    """Return a function that feeds systemd's watchdog when it is due; None without one."""
    interval_s = watchdog_interval_s()
    if interval_s is None:
        return None
    fed_s = -interval_s

    def feed() -> None:
        nonlocal fed_s
        if monotonic() - fed_s >= interval_s:
            sd_notify("WATCHDOG=1")
            fed_s = monotonic()

    return feed
