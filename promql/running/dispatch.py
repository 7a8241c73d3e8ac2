"""Where an evaluation runs: in a thread, or at once where it was asked for.

The way to a thread and back costs two wake-ups: a tenth of what a panel about one host
takes from the request to the last byte. What took a moment the last time is therefore
evaluated on the event loop, unless somebody else evaluates. It has to stay such a
moment: as soon as it would wait for the disk, or read much more samples than the last
time, it is begun anew in a thread.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from promql.api import QueryCanceledError, QueryTimeoutError
from promql.running.evaluation_lock import EvaluationLock, TimeSlice
from promql.running.guard import Guard, TooSlowForLoopError

_PROMPT_S: Final = 0.002
"""A moment: as long as the loop takes for some five requests without a query."""
_LONGEST_S: Final = 0.01
"""A try that takes longer is stopped at its next look at the clock."""
_GROWTH: Final = 2
_SPARE_SAMPLES: Final = 1_000
"""So many times the samples of the last time, and some, are still a moment's work."""
_REMEMBERED: Final = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a query cost the last time."""

    duration_s: float
    steps: int
    samples: int


class Dispatcher:
    """Runs evaluations; `run` is called on one event loop only.

    Args:
        threads: how many evaluations run at the same time, by turns; others wait.
        monotonic: seconds, by which is told what takes a moment.
        share: told when threads begin to evaluate, and when none does any more.
    """

    def __init__(
        self,
        threads: int,
        monotonic: Callable[[], float] = time.monotonic,
        share: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._monotonic, self._share = monotonic, share
        self._threads = ThreadPoolExecutor(threads, "promql")
        self._turns = EvaluationLock(time.monotonic)
        self._active: set[Guard] = set()
        self._closed = threading.Event()
        self._costs: OrderedDict[str, _Cost] = OrderedDict()
        self._rest_until_s = 0.0

    async def run(self, query: str, steps: int, guard: Guard, work: Callable[[Guard], T]) -> T:
        """Run an evaluation.

        Args:
            query: its text, and with it what it will cost.
            steps: how many times it is evaluated at.
            guard: bounds it.
            work: evaluates within the guard that it is given; begun anew with another if
                it turns out to take more than a moment.

        Raises:
            QueryCanceledError: `close` was called.
            QueryTimeoutError: the time was up, waiting for a thread included.
        """
        if self._closed.is_set():
            raise QueryCanceledError("query was canceled: the engine is closed")
        samples = self._prompt_samples(query, steps)
        if samples is not None:
            try:
                return self._at_once(query, steps, guard, samples, work)
            except TooSlowForLoopError:
                pass
        return await self._in_thread(query, steps, guard, work)

    def close(self) -> None:
        """Stop running evaluations, drop waiting ones and end the threads; blocks."""
        self._closed.set()
        for guard in tuple(self._active):
            guard.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _prompt_samples(self, query: str, steps: int) -> int | None:
        """Return how many samples may be read at once; None if it goes to a thread."""
        cost = self._costs.get(query)
        if cost is None or cost.duration_s > _PROMPT_S or steps > cost.steps:
            return None
        # Who waits for the interpreter's lock, or never waits at all, stops the loop.
        if self._active or self._monotonic() < self._rest_until_s:
            return None
        return cost.samples * _GROWTH + _SPARE_SAMPLES

    def _at_once(
        self, query: str, steps: int, guard: Guard, samples: int, work: Callable[[Guard], T]
    ) -> T:
        prompt = guard.promptly(samples, _LONGEST_S)
        begun_s = self._monotonic()
        try:
            result = work(prompt)
        finally:
            # At least every second moment is the loop's own.
            ended_s = self._monotonic()
            self._rest_until_s = ended_s + (ended_s - begun_s)
        self._note(query, _Cost(ended_s - begun_s, steps, prompt.spent))
        return result

    async def _in_thread(
        self, query: str, steps: int, guard: Guard, work: Callable[[Guard], T]
    ) -> T:
        duration_s = 0.0

        def run() -> T:
            nonlocal duration_s
            guard.check("query queue")
            with TimeSlice(self._turns) as guard.turn:
                begun_s = self._monotonic()
                result = work(guard)
                duration_s = self._monotonic() - begun_s
                return result

        self._active.add(guard)
        self._share(bool(self._active))
        future = self._threads.submit(run)
        try:
            async with asyncio.timeout(max(0.0, guard.remaining_s)):
                result = await asyncio.wrap_future(future)
        except TimeoutError as exc:
            raise QueryTimeoutError("query timed out in expression evaluation") from exc
        except asyncio.CancelledError as exc:
            if self._closed.is_set() and future.cancelled():
                raise QueryCanceledError("query was canceled in query queue") from exc
            raise
        finally:
            guard.cancel()
            self._active.discard(guard)
            self._share(bool(self._active))
        self._note(query, _Cost(duration_s, steps, guard.spent))
        return result

    def _note(self, query: str, cost: _Cost) -> None:
        self._costs[query] = cost
        self._costs.move_to_end(query)
        if len(self._costs) > _REMEMBERED:
            self._costs.popitem(last=False)
