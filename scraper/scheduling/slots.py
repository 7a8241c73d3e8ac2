"""When targets are scraped: slots of an interval, one scheduler job each.

One job a target costs too much beyond some hundreds. Each interval is cut into slots; a
target's slot is a stable hash of its identity, so it is scraped at the same times
whatever else is added, and targets are spread evenly.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from model.clock import Clock

K = TypeVar("K")

_MAX_SLOTS = 100
_MIN_SLOT_MS = 50
"""Narrower slots cost more in ticks than they spread."""
_EARLY_MS = 10
"""A timer may fire this much before its time."""
_CLOCK_WATCH_S = 1.0
_JUMP_MS = 1000
"""Less than this is how clocks are usually set right."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The times `offset_ms` plus any multiple of `interval_ms`."""

    interval_ms: int
    offset_ms: int

    @classmethod
    def of(cls, identity: str, interval_ms: int) -> "Slot":
        """Return the slot that an identity falls into, the same one every time."""
        count = max(1, min(_MAX_SLOTS, interval_ms // _MIN_SLOT_MS))
        digest = hashlib.blake2b(identity.encode(), digest_size=8).digest()
        index = int.from_bytes(digest, "big") % count
        return cls(interval_ms, index * interval_ms // count)

    def nominal_ms(self, now_ms: int) -> int:
        """Return the slot's last time, a little ahead of now included."""
        early = min(_EARLY_MS, self.interval_ms // 4)
        return now_ms - (now_ms + early - self.offset_ms) % self.interval_ms + early

    def next_ms(self, now_ms: int) -> int:
        """Return the slot's next time after now."""
        return now_ms + self.interval_ms - (now_ms - self.offset_ms) % self.interval_ms


@dataclass(slots=True, eq=False)
class _Occupied(Generic[K]):
    keys: dict[K, None] = field(default_factory=dict)
    last_ms: int | None = None


class SlotScheduler(Generic[K]):
    """Calls `start(key, nominal_ms)` for each key of a slot at the slot's times."""

    def __init__(
        self,
        start: Callable[[K, int], None],
        missed: Callable[[int], None],
        clock: Clock,
        jumped: Callable[[int], None] | None = None,
    ) -> None:
        """Prepare.

        Args:
            start: called for a key.
            missed: told how many calls did not happen because the process was held up.
            clock: the time by which slots are.
            jumped: told when the clock was set, and by how many milliseconds.
        """
        self._start, self._missed, self._clock = start, missed, clock
        self._jumped = jumped
        self._occupied: dict[Slot, _Occupied[K]] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._ahead_ms = 0
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def open(self) -> None:
        """Begin ticking on the running loop."""
        self._scheduler.start()
        self._ahead_ms = self._ahead_of_loop_ms()
        self._watch_clock()

    def _ahead_of_loop_ms(self) -> int:
        """Return how far the clock is ahead of the loop's, which nobody can set."""
        return self._clock() - round(asyncio.get_running_loop().time() * 1000)

    def _watch_clock(self) -> None:
        """Look whether the clock was set; if so, tick by the new time.

        APScheduler waits until the time that it has planned: an hour if the clock was
        set back by an hour.
        """
        ahead_ms = self._ahead_of_loop_ms()
        jump_ms, self._ahead_ms = ahead_ms - self._ahead_ms, ahead_ms
        if abs(jump_ms) >= _JUMP_MS:
            for slot, occupied in self._occupied.items():
                occupied.last_ms = None
                self._scheduler.reschedule_job(_job_id(slot), trigger=self._trigger(slot))
            if self._jumped is not None:
                self._jumped(jump_ms)
        self._watch = asyncio.get_running_loop().call_later(_CLOCK_WATCH_S, self._watch_clock)

    async def close(self) -> None:
        """Stop ticking."""
        if self._watch is not None:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.pause()
            # Ticks that are due now begin here: a shutdown would cancel them, and log it.
            await asyncio.sleep(0)
            # APScheduler shuts down in a callback of the loop, and tells it by an event.
            stopped = asyncio.Event()
            self._scheduler.add_listener(lambda _: stopped.set(), EVENT_SCHEDULER_SHUTDOWN)
            self._scheduler.shutdown(wait=False)
            await stopped.wait()

    def add(self, key: K, slot: Slot) -> None:
        """Tick for a key from the slot's next time on."""
        occupied = self._occupied.get(slot)
        if occupied is None:
            occupied = self._occupied[slot] = _Occupied()
            self._scheduler.add_job(self._tick, self._trigger(slot), args=(slot,), id=_job_id(slot))
        occupied.keys[key] = None

    def _trigger(self, slot: Slot) -> IntervalTrigger:
        first = datetime.fromtimestamp(slot.next_ms(self._clock()) / 1000, UTC)
        return IntervalTrigger(seconds=slot.interval_ms / 1000, start_date=first, timezone=UTC)

    def remove(self, key: K, slot: Slot) -> None:
        """Tick for a key no more."""
        occupied = self._occupied.get(slot)
        if occupied is None:
            return
        occupied.keys.pop(key, None)
        if not occupied.keys:
            del self._occupied[slot]
            try:
                self._scheduler.remove_job(_job_id(slot))
            except JobLookupError:
                # Closed, or the job never got in: there is nothing to stop.
                return

    async def _tick(self, slot: Slot) -> None:
        # A coroutine, because APScheduler runs plain functions in a thread.
        occupied = self._occupied.get(slot)
        if occupied is None:
            return
        nominal_ms = slot.nominal_ms(self._clock())
        if occupied.last_ms is not None:
            skipped = (nominal_ms - occupied.last_ms) // slot.interval_ms - 1
            if skipped < 0:
                return
            if skipped:
                self._missed(skipped * len(occupied.keys))
        occupied.last_ms = nominal_ms
        for key in list(occupied.keys):
            self._start(key, nominal_ms)


def _job_id(slot: Slot) -> str:
    return f"{slot.interval_ms}/{slot.offset_ms}"
