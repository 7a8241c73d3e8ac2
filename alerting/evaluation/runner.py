"""The schedule of a group: evaluations at evenly spaced times."""

import zlib
from collections.abc import Awaitable, Callable

import structlog

from alerting.time_source import TimeSource

log = structlog.get_logger(__name__)


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
        time: TimeSource,
    ) -> None:
        self.name, self.interval_ms = name, interval_ms
        self.evaluated_ms: int | None = None
        self.duration_ms = 0
        self.missed = 0
        self._evaluate, self._clock, self._sleep = evaluate, time.clock, time.sleep
        self._monotonic = time.monotonic
        self._offset_ms = zlib.crc32(name.encode()) % interval_ms
        # By the monotonic clock: when the next evaluation must begin, or the running one end.
        self._deadline_s: float | None = None
        self._late_s = 0.0

    @property
    def lag_s(self) -> float:
        """How late the latest evaluation is against its schedule; any thread may read it.

        An evaluation is late by as much as it begins after its time, or ends after the
        time of the next one. The lag of an evaluation that does not begin, or does not
        end, grows.
        """
        deadline_s = self._deadline_s
        overdue_s = 0.0 if deadline_s is None else self._monotonic() - deadline_s
        return max(self._late_s, overdue_s)

    def tick_from(self, time_ms: int) -> int:
        """Return the first evaluation time at or after `time_ms`."""
        return time_ms + (self._offset_ms - time_ms) % self.interval_ms

    async def run(self, delay_ms: int = 0) -> None:
        """Wait for the delay, then evaluate until cancelled."""
        try:
            await self._run(delay_ms)
        finally:
            self._deadline_s, self._late_s = None, 0.0

    async def _run(self, delay_ms: int) -> None:
        if delay_ms:
            self._deadline_s = self._monotonic() + delay_ms / 1000
            await self._sleep(delay_ms / 1000)
        tick_ms = self.tick_from(self._clock())
        while True:
            tick_ms, due_s = await self._wait_until(tick_ms)
            begun_s = self._monotonic()
            self._deadline_s = due_s + self.interval_ms / 1000
            await self._evaluate(tick_ms)
            ended_s = self._monotonic()
            self._late_s = max(0.0, begun_s - due_s, ended_s - self._deadline_s)
            self.evaluated_ms, self.duration_ms = tick_ms, round((ended_s - begun_s) * 1000)
            # By the monotonic clock: a clock that was set skips no evaluation.
            self._note_missed(int((ended_s - due_s) * 1000) // self.interval_ms)
            tick_ms = self.tick_from(max(self._clock(), tick_ms + 1))

    async def _wait_until(self, tick_ms: int) -> tuple[int, float]:
        """Sleep until an evaluation time; return it, and when it was by the monotonic clock.

        If the clock is set back meanwhile, the time is an earlier one.
        """
        while True:
            wait_ms = tick_ms - self._clock()
            if wait_ms > self.interval_ms:
                # The clock was set back. Go on from its new time.
                tick_ms = self.tick_from(self._clock())
                continue
            due_s = self._monotonic() + wait_ms / 1000
            if wait_ms <= 0:
                # A clock that was set forward makes no evaluation late.
                planned_s = due_s if self._deadline_s is None else self._deadline_s
                return tick_ms, max(due_s, min(planned_s, self._monotonic()))
            self._deadline_s = due_s
            await self._sleep(wait_ms / 1000)

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
