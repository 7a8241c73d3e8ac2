"""Watches the resident memory, and gives memory back before the limit is reached.

The kernel kills a process that exceeds the limit of its control group, and with it the
alarm. Near the limit, large queries and pushes are therefore refused first
(`model.memory_pressure`), caches are emptied, and garbage is collected. Scrapes, rules and
notifications go on.

Garbage is also collected when the memory has grown, because the thresholds of the
interpreter count objects, not bytes: a few cycles may hold gigabytes. Free memory at the
end of the heap goes back to the system every few seconds.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Final

from model.conditions import MEMORY_SHORT, Conditions
from model.memory_pressure import MemoryPressure, MemoryReading
from model.process.resident_memory import resident_bytes

_INTERVAL_S: Final = 1.0
_HIGH, _CRITICAL = 0.8, 0.9
_SLACK: Final = 0.03
"""A level ends this far below its beginning, so that it does not change each second."""
_GROWTH_BYTES: Final = 64 * 2**20
_GROWTH_RATIO: Final = 0.1
"""Collect garbage after this growth: each doubling costs seven collections of some 10 ms."""
_FULL_GROWTH: Final = 1.5
"""Collect all generations after growth to this multiple; only the younger ones before.

A full collection beside 500,000 pushed series holds the GIL for 0.1 to 0.4 s. The younger
generations have all that was created since the last collection.
"""
_FULL_PAUSE_S: Final = 600.0
"""The shortest time between two collections of all generations.

Garbage that has survived a collection before is rare, and a server whose memory is short is
one that many clients wait for.
"""
_YOUNGEST, _YOUNGER, _ALL = 0, 1, 2
_LATEST_S: Final = 120.0
"""For how long queries put a collection off.

The young objects are theirs while they run, and the walk over a million of them holds the GIL
for 0.1 s and finds nothing. If they run all the time, only the youngest are collected: what
all requests of two minutes have left takes 0.2 s. A server whose memory is short refuses
large queries, and one that nears its limit does not wait.
"""
_PAUSE_S: Final = 10.0
"""The shortest time between two collections, and between two emptyings of the caches."""
_TRIM_INTERVAL_S: Final = 5.0
"""Queries that follow each other sooner use the same memory: faulting in 32 MB takes 5 ms."""


class MemoryGuard:
    """Keeps a `MemoryReading` up to date and gives memory back.

    Args:
        reading: what the guard updates; its limit may be None.
        conditions: where it reports that memory is short.
        give_back: empties caches; called in a thread.
        trim: returns free memory to the system; takes under 1 ms.
        evaluates: returns whether queries run.
        resident: returns the resident memory.
        collect: collects the garbage of a generation and the younger ones; on the event
            loop, because it holds the GIL anyway.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        reading: MemoryReading,
        conditions: Conditions,
        give_back: Callable[[], None],
        trim: Callable[[], None],
        evaluates: Callable[[], bool] = lambda: False,
        resident: Callable[[], int] = resident_bytes,
        collect: Callable[[int], object] = gc.collect,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reading, self._conditions, self._give_back = reading, conditions, give_back
        self._resident, self._collect, self._trim = resident, collect, trim
        self._evaluates = evaluates
        self._monotonic = monotonic
        self._base_bytes = self._full_bytes = 0
        self._collected_s = self._given_back_s = -_PAUSE_S
        self._collected_fully_s = -_FULL_PAUSE_S
        self._trimmed_s = monotonic()

    async def run(self) -> None:
        """Sample once a second until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(_INTERVAL_S)

    async def sample(self) -> None:
        """Read the memory once and act on it."""
        before = self._reading.pressure
        now_s = self._monotonic()
        if now_s - self._trimmed_s >= _TRIM_INTERVAL_S:
            self._trimmed_s = now_s
            self._trim()
        self._read()
        if self._has_grown() and self._may_collect(now_s - self._collected_s):
            self._collected_s = now_s
            self._collect_garbage(now_s)
            self._base_bytes = self._reading.resident_bytes
        pressure = self._reading.pressure
        if pressure and now_s - self._given_back_s >= _PAUSE_S:
            self._given_back_s = now_s
            await asyncio.to_thread(self._give_back)
            self._read()
        self._report(before)

    def _yields(self) -> bool:
        """Return whether collections wait for queries."""
        return self._evaluates() and self._reading.pressure < MemoryPressure.CRITICAL

    def _may_collect(self, since_s: float) -> bool:
        return since_s >= (_LATEST_S if self._yields() else _PAUSE_S)

    def _collect_garbage(self, now_s: float) -> None:
        reading = self._reading
        if self._yields():
            self._collect(_YOUNGEST)
            self._read()
            return
        has_grown = reading.resident_bytes > _FULL_GROWTH * self._full_bytes
        is_late = now_s - self._collected_fully_s >= _FULL_PAUSE_S
        is_full = is_late and (has_grown or bool(reading.pressure))
        self._collect(_ALL if is_full else _YOUNGER)
        self._read()
        if is_full:
            self._full_bytes, self._collected_fully_s = reading.resident_bytes, now_s

    def _read(self) -> None:
        reading = self._reading
        reading.resident_bytes = self._resident()
        # Memory that was given back and taken again is growth too.
        self._base_bytes = min(self._base_bytes or reading.resident_bytes, reading.resident_bytes)
        if reading.limit_bytes:
            reading.pressure = _level(reading.resident_bytes / reading.limit_bytes, reading)

    def _has_grown(self) -> bool:
        growth = self._reading.resident_bytes - self._base_bytes
        return growth > max(_GROWTH_BYTES, _GROWTH_RATIO * self._base_bytes)

    def _report(self, before: MemoryPressure) -> None:
        pressure = self._reading.pressure
        if pressure is before:
            return
        if pressure is MemoryPressure.NONE:
            self._conditions.clear(MEMORY_SHORT)
        else:
            limit_mib = (self._reading.limit_bytes or 0) / 2**20
            share = _CRITICAL if pressure is MemoryPressure.CRITICAL else _HIGH
            self._conditions.set(MEMORY_SHORT, f"over {share:.0%} of {limit_mib:.0f} MiB")


def _level(used_ratio: float, reading: MemoryReading) -> MemoryPressure:
    """Return the level for a share of the limit, given the level before."""
    for level, begins in ((MemoryPressure.CRITICAL, _CRITICAL), (MemoryPressure.HIGH, _HIGH)):
        if used_ratio >= begins - (_SLACK if reading.pressure >= level else 0):
            return level
    return MemoryPressure.NONE
