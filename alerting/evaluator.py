"""The evaluation loop: a group at its interval, at evenly spaced times."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable

import structlog

from model.clock import Clock

log = structlog.get_logger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class GroupRunner:
    """Evaluates one group again and again.

    Evaluation times are multiples of the interval, moved by a stable part of it, so
    that groups do not all fall on the same moment. Times that pass while an evaluation
    still runs are left out.

    Attributes:
        evaluated_ms: the time of the last evaluation, None before the first.
        duration_ms: how long it took.
        missed: how many were left out.
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
        self._phase_ms = zlib.crc32(name.encode()) % interval_ms

    def tick_from(self, time_ms: int) -> int:
        """Return the first evaluation time that is not before `time_ms`."""
        return time_ms + (self._phase_ms - time_ms) % self.interval_ms

    async def run(self, delay_ms: int = 0) -> None:
        """Evaluate until cancelled, for the first time after a delay."""
        if delay_ms:
            await self._sleep(delay_ms / 1000)
        tick_ms = self.tick_from(self._clock())
        while True:
            tick_ms = await self._due(tick_ms)
            started_ms = self._clock()
            await self._evaluate(tick_ms)
            now_ms = self._clock()
            self.evaluated_ms, self.duration_ms = tick_ms, now_ms - started_ms
            following_ms = self.tick_from(max(now_ms, tick_ms + 1))
            self._note_missed((following_ms - tick_ms) // self.interval_ms - 1)
            tick_ms = following_ms

    async def _due(self, tick_ms: int) -> int:
        """Return when the time has come, and the time that it is."""
        while (wait_ms := tick_ms - self._clock()) > 0:
            if wait_ms > self.interval_ms:
                # The clock was set back: do not sleep until it is where it was.
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
