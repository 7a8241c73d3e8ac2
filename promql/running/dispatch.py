"""Decides whether a query runs in a worker thread or directly on the event loop.

A worker thread costs two wake-ups: 0.23 ms of the 2.5 ms that a panel about one host takes
from the request to the last byte. Queries that took under 2 ms last time therefore run on
the event loop, unless another evaluation is in progress. Such an attempt is abandoned at its
next check if it takes over 10 ms or reads many more samples than last time; the query then
starts again in a thread.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from model.process.worker_threads import WorkerThreads
from promql.api import QueryCanceledError
from promql.running.evaluation_lock import EvaluationLock, TimeSlice
from promql.running.evaluation_throttle import EvaluationThrottle
from promql.running.guard import Guard, LoopAttemptError, LoopGuard

_QUICK_S: Final = 0.002
"""As long as the event loop takes for about five requests without a query."""
_MAX_ATTEMPT_S: Final = 0.01
"""An attempt that takes longer is abandoned at its next check."""
_GROWTH: Final = 2
_SPARE_SAMPLES: Final = 1_000
"""An attempt may read this many samples, and `_GROWTH` times those of the last run."""
_REMEMBERED: Final = 10_000
"""Queries whose cost is remembered; more than a server usually has rules."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Cost:
    """The cost of a query's last run."""

    duration_s: float
    steps: int
    samples: int


class Dispatcher:
    """Runs evaluations; `run` is called on one event loop only.

    Args:
        threads: how many evaluations run at the same time; others wait.
        urgent_threads: how many urgent evaluations run at the same time beside them.
        monotonic: a clock in seconds, by which queries are timed.
        on_busy: called with True when an evaluation starts in a thread, and with False
            when none runs any more.
    """

    def __init__(
        self,
        threads: int,
        monotonic: Callable[[], float] = time.monotonic,
        on_busy: Callable[[bool], None] = lambda _: None,
        urgent_threads: int = 2,
    ) -> None:
        self._monotonic, self._on_busy = monotonic, on_busy
        self._threads = WorkerThreads(threads, "promql")
        self._urgent_threads = WorkerThreads(urgent_threads, "promql-urgent")
        self._lock, self._throttle = EvaluationLock(time.monotonic), EvaluationThrottle()
        self._active: set[Guard] = set()
        self._closed = threading.Event()
        self._costs: OrderedDict[str, _Cost] = OrderedDict()
        self._rest_until_s = 0.0

    async def run(
        self,
        query: str,
        steps: int,
        guard: Guard,
        work: Callable[[Guard], T],
        *,
        urgent: bool = False,
    ) -> T:
        """Run an evaluation.

        Args:
            query: the text, by which the cost of the last run is looked up.
            steps: the number of steps.
            guard: the query's limits.
            work: evaluates within the limits that it is given. It is called twice if
                an attempt on the event loop is abandoned.
            urgent: evaluate before all that is not urgent, in threads of its own.

        Raises:
            QueryCanceledError: `close` was called.
            QueryTimeoutError: the time was up, waiting for a thread included.
        """
        if self._closed.is_set():
            raise QueryCanceledError("query was canceled: the engine is closed")
        max_samples = self._max_loop_samples(query, steps)
        if max_samples is not None:
            try:
                return self._on_loop(query, steps, guard, max_samples, work)
            except LoopAttemptError:
                pass
        result, duration_s = await self._in_thread(guard, work, urgent=urgent)
        self._remember(query, _Cost(duration_s, steps, guard.spent))
        return result

    async def run_in_thread(self, guard: Guard, work: Callable[[Guard], T], *, urgent: bool) -> T:
        """Run evaluations whose cost is not known, in one thread; see `run`.

        Raises:
            QueryCanceledError, QueryTimeoutError: as `run`.
        """
        if self._closed.is_set():
            raise QueryCanceledError("query was canceled: the engine is closed")
        result, _ = await self._in_thread(guard, work, urgent=urgent)
        return result

    @property
    def busy(self) -> bool:
        """Whether evaluations run in threads or wait for one."""
        return bool(self._active)

    def close(self) -> None:
        """Stop running evaluations, drop waiting ones and end the threads; blocks."""
        self._closed.set()
        for guard in tuple(self._active):
            guard.cancel()
        for threads in (self._threads, self._urgent_threads):
            threads.shutdown(wait=True, cancel_futures=True)

    def _max_loop_samples(self, query: str, steps: int) -> int | None:
        """Return how many samples the query may read on the event loop; None for a thread."""
        cost = self._costs.get(query)
        if cost is None or cost.duration_s > _QUICK_S or steps > cost.steps:
            return None
        # Waiting for the GIL, or evaluating back to back, would stall the event loop.
        if self._active or self._monotonic() < self._rest_until_s:
            return None
        return cost.samples * _GROWTH + _SPARE_SAMPLES

    def _on_loop(
        self, query: str, steps: int, guard: Guard, max_samples: int, work: Callable[[Guard], T]
    ) -> T:
        attempt = LoopGuard(guard, max_samples, _MAX_ATTEMPT_S)
        begun_s = self._monotonic()
        try:
            result = work(attempt)
        finally:
            # The event loop is free at least as long as the attempt took.
            ended_s = self._monotonic()
            self._rest_until_s = ended_s + (ended_s - begun_s)
        self._remember(query, _Cost(ended_s - begun_s, steps, attempt.spent))
        return result

    async def _in_thread(
        self, guard: Guard, work: Callable[[Guard], T], *, urgent: bool
    ) -> tuple[T, float]:
        """Return the result, and how long the evaluation took, waiting left out."""
        duration_s = 0.0

        def run() -> T:
            nonlocal duration_s
            guard.check("query queue")
            throttle = None if urgent else self._throttle
            with TimeSlice(self._lock, urgent=urgent, throttle=throttle) as guard.time_slice:
                begun_s = self._monotonic()
                result = work(guard)
                duration_s = self._monotonic() - begun_s
                return result

        self._active.add(guard)
        self._throttle.start()
        self._on_busy(self.busy)
        future = (self._urgent_threads if urgent else self._threads).submit(run)
        try:
            async with asyncio.timeout(max(0.0, guard.remaining_s)):
                result = await asyncio.wrap_future(future)
        except TimeoutError as exc:
            raise guard.timed_out("expression evaluation") from exc
        except asyncio.CancelledError as exc:
            if self._closed.is_set() and future.cancelled():
                raise QueryCanceledError("query was canceled in query queue") from exc
            raise
        finally:
            # A frame that keeps the future of an error is a reference cycle with that error.
            del future
            guard.cancel()
            self._active.discard(guard)
            if not self._active:
                self._throttle.stop()
            self._on_busy(self.busy)
        return result, duration_s

    def _remember(self, query: str, cost: _Cost) -> None:
        self._costs[query] = cost
        self._costs.move_to_end(query)
        if len(self._costs) > _REMEMBERED:
            self._costs.popitem(last=False)
