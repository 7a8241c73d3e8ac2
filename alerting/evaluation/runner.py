"""The schedule of a group: evaluations at evenly spaced times."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable

import structlog

from model.clock import Clock

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class GroupRunner:
    """Evaluates one group at its interval.

    Evaluation times are multiples of the interval plus an offset that depends on the
    group's name, so that groups with the same interval are spread over it. Times that
    pass during an evaluation are skipped.

    Attributes:
        evaluated_ms: the time of the last evaluation, None before the first.
        duration_ms: how long the last evaluation took.
        missed: the number of skipped evaluations.
    """

    def __init__(
        self,
        name: str,
        interval_ms: int,
        evaluate: Callable[[int], Awaitable[None]],
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name, self.interval_ms = name, interval_ms
        self.evaluated_ms: int | None = None
        self.duration_ms = 0
        self.missed = 0
        self._evaluate, self._clock, self._sleep = evaluate, clock, sleep
        self._offset_ms = zlib.crc32(name.encode()) % interval_ms

    def tick_from(self, time_ms: int) -> int:
        """Return the first evaluation time at or after `time_ms`."""
        return time_ms + (self._offset_ms - time_ms) % self.interval_ms

    async def run(self, delay_ms: int = 0) -> None:
        """Wait for the delay, then evaluate until cancelled."""
        if delay_ms:
            await self._sleep(delay_ms / 1000)
        tick_ms = self.tick_from(self._clock())
        while True:
            tick_ms = await self._wait_until(tick_ms)
            started_ms = self._clock()
            await self._evaluate(tick_ms)
            now_ms = self._clock()
            self.evaluated_ms, self.duration_ms = tick_ms, now_ms - started_ms
            next_ms = self.tick_from(max(now_ms, tick_ms + 1))
            self._note_missed((next_ms - tick_ms) // self.interval_ms - 1)
            tick_ms = next_ms

    async def _wait_until(self, tick_ms: int) -> int:
        """Sleep until an evaluation time and return it; earlier if the clock is set back."""
        while (wait_ms := tick_ms - self._clock()) > 0:
            if wait_ms > self.interval_ms:
                # The clock was set back. Go on from its new time.
                tick_ms = self.tick_from(self._clock())
                continue
            await self._sleep(wait_ms / 1000)
        return tick_ms

    def _note_missed(self, count: int) -> None:
        if count > 0:
            log.warning(
                "evaluations_missed",
                group=self.name,
                count=count,
                duration_s=self.duration_ms / 1000,
                interval_s=self.interval_ms / 1000,
            )
        self.missed += count
