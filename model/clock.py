"""Time as an argument: code that needs the current time takes a `Clock`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

Clock = Callable[[], int]
"""Returns the current time in Unix milliseconds."""

_STEP_MS: Final = 10_000
"""Smaller changes of the clock are normal corrections."""
_HOLD_MS: Final = 10 * 60_000
"""A glitch of NTP or of a hypervisor is over after this time."""


def system_clock() -> int:
    """Return the current time in Unix milliseconds; only `daemon` and `scraper` call it."""
    return time.time_ns() // 1_000_000


def elapsed_ms() -> int:
    """Return the milliseconds since the machine was started, suspended time included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class SteadyClock:
    """A clock that follows the system's clock, but a jump of it only after ten minutes.

    Until then the clock goes on as if nothing had happened. A clock that is years ahead
    for a few minutes therefore stores no sample in the future, resolves no alert for lack of
    current samples, expires no session and deletes no window. Any thread may call it.

    Args:
        system: the clock to follow.
        elapsed: milliseconds by a clock that is never set.
        step_ms: a larger change is a jump.
        hold_ms: how long a jump must last.
        begin_ms: the time to begin with; None for the time of `system`.
    """

    def __init__(
        self,
        system: Clock = system_clock,
        elapsed: Callable[[], int] = elapsed_ms,
        *,
        step_ms: int = _STEP_MS,
        hold_ms: int = _HOLD_MS,
        begin_ms: int | None = None,
    ) -> None:
        self._system, self._elapsed = system, elapsed
        self._step_ms, self._hold_ms = step_ms, hold_ms
        now_ms = system() if begin_ms is None else begin_ms
        self._offset_ms = now_ms - elapsed()
        # Since when, by `elapsed`, and by how much the system's clock has jumped.
        self._jump: tuple[int, int] | None = None

    def __call__(self) -> int:
        """Return the current time in Unix milliseconds."""
        elapsed = self._elapsed()
        offset_ms = self._system() - elapsed
        by_ms = offset_ms - self._offset_ms
        if abs(by_ms) < self._step_ms:
            self._offset_ms, self._jump = offset_ms, None
            return elapsed + offset_ms
        jump = self._jump
        if jump is None or abs(by_ms - jump[1]) >= self._step_ms:
            jump = self._jump = elapsed, by_ms
        if elapsed - jump[0] >= self._hold_ms:
            self._offset_ms, self._jump = offset_ms, None
            return elapsed + offset_ms
        return elapsed + self._offset_ms

    @property
    def jump_ms(self) -> int:
        """By how much the system's clock is ahead because of a jump, 0 without one."""
        self()
        jump = self._jump
        return 0 if jump is None else jump[1]
