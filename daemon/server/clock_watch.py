"""Reports a machine's clock that jumped, and samples that it has left in the future."""

import asyncio
from typing import Final

from model.clock import SteadyClock
from model.conditions import CLOCK_JUMPED, FUTURE_SAMPLES, Conditions
from model.durations import format_duration
from storage.samples.upkeep.future import FutureSamples

_CHECK_S: Final = 5.0
_CHECKS_A_LOOK: Final = 12
"""The store is asked once a minute, and after each jump."""


class ClockWatch:
    """Sets and clears the conditions about time.

    Args:
        clock: the clock of the server.
        future: the samples later than now.
        conditions: what is wrong with the server.
    """

    def __init__(self, clock: SteadyClock, future: FutureSamples, conditions: Conditions) -> None:
        self._clock, self._future, self._conditions = clock, future, conditions

    async def run(self) -> None:
        """Check again and again until cancelled."""
        checks = 0
        while True:
            has_jumped = self.check_clock()
            if has_jumped or checks % _CHECKS_A_LOOK == 0:
                await self.check_samples()
            checks += 1
            await asyncio.sleep(_CHECK_S)

    def check_clock(self) -> bool:
        """Compare the clocks; return whether they differ."""
        jump_ms = self._clock.jump_ms
        if jump_ms:
            direction = "ahead of" if jump_ms > 0 else "behind"
            by = format_duration(abs(jump_ms) // 1000 * 1000)
            self._conditions.set(CLOCK_JUMPED, f"it is {by} {direction} the server's")
        else:
            self._conditions.clear(CLOCK_JUMPED)
        return bool(jump_ms)

    async def check_samples(self) -> None:
        """Ask the store whether it has samples later than now."""
        sources = await asyncio.to_thread(self._future.count)
        if sources:
            self._conditions.set(FUTURE_SAMPLES, f"{sources} sources have some")
        else:
            self._conditions.clear(FUTURE_SAMPLES)
