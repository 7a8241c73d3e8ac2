"""Decides when targets are scraped: slots of each interval, with one scheduler job a slot.

One job a target is too expensive beyond some hundred targets. Each interval is divided
into slots. A target's slot is a stable hash of its identity, so other targets never
change the times of its scrapes, and targets spread evenly.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from model.clock import Clock

K = TypeVar("K")

_MAX_SLOTS = 100
_MIN_SLOT_MS = 50
"""Below this width, more slots cost more than the spread gains."""
_EARLY_MS = 10
"""A timer may fire this long before its time."""
_MOST_TICKS = 100
_CLOCK_CHECK_S = 1.0
_JUMP_MS = 1000
"""Smaller changes are normal corrections of the clock."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The times `offset_ms` plus any multiple of `interval_ms`."""

    interval_ms: int
    offset_ms: int

    @classmethod
    def of(cls, identity: str, interval_ms: int) -> "Slot":
        """Return the slot of an identity; the same identity always has the same slot."""
        count = max(1, min(_MAX_SLOTS, interval_ms // _MIN_SLOT_MS))
        digest = hashlib.blake2b(identity.encode(), digest_size=8).digest()
        index = int.from_bytes(digest, "big") % count
        return cls(interval_ms, index * interval_ms // count)

    def nominal_ms(self, now_ms: int) -> int:
        """Return the slot's last time up to `now_ms`, or the next if at most 10 ms away."""
        early = min(_EARLY_MS, self.interval_ms // 4)
        return now_ms - (now_ms + early - self.offset_ms) % self.interval_ms + early

    def next_ms(self, now_ms: int) -> int:
        """Return the slot's first time after `now_ms`."""
        return now_ms + self.interval_ms - (now_ms - self.offset_ms) % self.interval_ms


@dataclass(slots=True, eq=False)
class _SlotKeys(Generic[K]):
    """The keys of one slot, and the time of its last tick, also by the monotonic clock."""

    keys: dict[K, None] = field(default_factory=dict)
    last_ms: int | None = None
    last_s: float = 0.0


class SlotTrigger(IntervalTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires at each interval, and once for all times that were missed.

    APScheduler asks for every missed time in turn, and blocks the event loop meanwhile: with
    a hundred slots and a clock that was set three years ahead, for hours.
    """

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the last missed time, or the next time if none is missed."""
        if previous is not None and (missed := (now - previous) // self.interval) > 1:
            previous += (missed - 1) * self.interval
        following: datetime | None = super().get_next_fire_time(previous, now)
        return following


class SlotScheduler(Generic[K]):
    """Calls `start(key, nominal_ms)` for each key at the times of the key's slot."""

    def __init__(
        self,
        start: Callable[[K, int], None],
        missed: Callable[[int], None],
        clock: Clock,
        jumped: Callable[[int], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `open` starts the ticks.

        Args:
            start: called for a key at each time of its slot.
            missed: called with the number of calls that were left out because the
                process was blocked.
            clock: the clock of the slots.
            jumped: called with the change in milliseconds after the clock was set.
            monotonic: the clock, in seconds, by which ticks are missed.
        """
        self._start, self._missed, self._clock = start, missed, clock
        self._jumped, self._monotonic = jumped, monotonic
        self._slots: dict[Slot, _SlotKeys[K]] = {}
        self._clock_check: asyncio.TimerHandle | None = None
        self._ahead_ms = self._system_ahead_ms = 0
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={
                "coalesce": True,
                # A blocked loop gets several ticks at once; those of the same time start nothing.
                "max_instances": _MOST_TICKS,
                "misfire_grace_time": None,
            },
        )

    def open(self) -> None:
        """Start the ticks on the running loop."""
        self._scheduler.start()
        self._ahead_ms = self._ahead_of_loop_ms(self._clock())
        self._system_ahead_ms = self._ahead_of_loop_ms(_system_ms())
        self._check_clock()

    @staticmethod
    def _ahead_of_loop_ms(time_ms: int) -> int:
        """Return how far a time is ahead of the loop's monotonic clock."""
        return time_ms - round(asyncio.get_running_loop().time() * 1000)

    def _check_clock(self) -> None:
        """Reschedule every slot if a clock was set, and check again in a second.

        APScheduler waits until the time that it has planned, by the system's clock: for an
        hour if that was set back by an hour. The clock of the slots may follow later.
        """
        ahead_ms = self._ahead_of_loop_ms(self._clock())
        system_ahead_ms = self._ahead_of_loop_ms(_system_ms())
        jump_ms, self._ahead_ms = ahead_ms - self._ahead_ms, ahead_ms
        system_jump_ms = system_ahead_ms - self._system_ahead_ms
        self._system_ahead_ms = system_ahead_ms
        if max(abs(jump_ms), abs(system_jump_ms)) >= _JUMP_MS:
            for slot, occupied in self._slots.items():
                if abs(jump_ms) >= _JUMP_MS:
                    occupied.last_ms = None
                self._scheduler.reschedule_job(_job_id(slot), trigger=self._trigger(slot))
        if abs(jump_ms) >= _JUMP_MS and self._jumped is not None:
            self._jumped(jump_ms)
        loop = asyncio.get_running_loop()
        self._clock_check = loop.call_later(_CLOCK_CHECK_S, self._check_clock)

    async def close(self) -> None:
        """Stop the ticks."""
        if self._clock_check is not None:
            self._clock_check.cancel()
        if self._scheduler.running:
            self._scheduler.pause()
            # Start the ticks that are due now: a shutdown would cancel and log them.
            await asyncio.sleep(0)
            # APScheduler shuts down in a callback of the loop and then emits an event.
            stopped = asyncio.Event()
            self._scheduler.add_listener(lambda _: stopped.set(), EVENT_SCHEDULER_SHUTDOWN)
            self._scheduler.shutdown(wait=False)
            await stopped.wait()

    def add(self, key: K, slot: Slot) -> None:
        """Start calls for a key at the next time of its slot."""
        occupied = self._slots.get(slot)
        if occupied is None:
            occupied = self._slots[slot] = _SlotKeys()
            self._scheduler.add_job(self._tick, self._trigger(slot), args=(slot,), id=_job_id(slot))
        occupied.keys[key] = None

    def _trigger(self, slot: Slot) -> SlotTrigger:
        now_ms = self._clock()
        # APScheduler compares with the system's clock.
        first = datetime.now(UTC) + timedelta(milliseconds=slot.next_ms(now_ms) - now_ms)
        return SlotTrigger(seconds=slot.interval_ms / 1000, start_date=first, timezone=UTC)

    def remove(self, key: K, slot: Slot) -> None:
        """Stop the calls for a key."""
        occupied = self._slots.get(slot)
        if occupied is None:
            return
        occupied.keys.pop(key, None)
        if not occupied.keys:
            del self._slots[slot]
            try:
                self._scheduler.remove_job(_job_id(slot))
            except JobLookupError:
                # The scheduler is closed, or the job was never added.
                return

    async def _tick(self, slot: Slot) -> None:
        # A coroutine, because APScheduler runs plain functions in a thread.
        occupied = self._slots.get(slot)
        if occupied is None:
            return
        nominal_ms, now_s = slot.nominal_ms(self._clock()), self._monotonic()
        if occupied.last_ms is not None:
            skipped = (nominal_ms - occupied.last_ms) // slot.interval_ms - 1
            if skipped < 0:
                return
            # By the monotonic clock too: nothing is missed because the clock was set forward.
            passed = round((now_s - occupied.last_s) * 1000 / slot.interval_ms)
            if min(skipped, passed - 1) > 0:
                self._missed(min(skipped, passed - 1) * len(occupied.keys))
        occupied.last_ms, occupied.last_s = nominal_ms, now_s
        for key in list(occupied.keys):
            self._start(key, nominal_ms)


def _system_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1000)


def _job_id(slot: Slot) -> str:
    return f"{slot.interval_ms}/{slot.offset_ms}"
