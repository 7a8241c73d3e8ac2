"""The guard of the memory limit."""

from dataclasses import dataclass, field

import pytest

from daemon.server.interpreter import trim_malloc
from daemon.server.memory_guard import MemoryGuard
from model.conditions import MEMORY_SHORT, Conditions
from model.memory_pressure import MemoryPressure, MemoryReading

MIB = 2**20


@dataclass
class Process:
    """A process whose memory a test sets."""

    limit_mib: int | None = 1000
    resident_mib: int = 100
    garbage_mib: int = 0
    cached_mib: int = 0
    now_s: float = 0.0
    evaluates: bool = False
    collections: int = 0
    generations: list[int] = field(default_factory=list)
    emptied: int = 0
    trims: int = 0
    reading: MemoryReading = field(init=False)
    conditions: Conditions = field(init=False)
    guard: MemoryGuard = field(init=False)

    def __post_init__(self) -> None:
        limit = None if self.limit_mib is None else self.limit_mib * MIB
        self.reading = MemoryReading(limit)
        self.conditions = Conditions(lambda: 0)
        self.guard = MemoryGuard(
            self.reading,
            self.conditions,
            self._give_back,
            self._trim,
            lambda: self.evaluates,
            self._resident,
            self._collect,
            lambda: self.now_s,
        )

    def _resident(self) -> int:
        return (self.resident_mib + self.garbage_mib + self.cached_mib) * MIB

    def _collect(self, generation: int) -> None:
        self.collections += 1
        self.generations.append(generation)
        self.garbage_mib = 0

    def _trim(self) -> None:
        self.trims += 1

    def _give_back(self) -> None:
        self.emptied += 1
        self.cached_mib = 0

    async def after(self, seconds: float) -> MemoryPressure:
        self.now_s += seconds
        await self.guard.sample()
        return self.reading.pressure


async def test_pressure_rises_at_80_and_90_percent_and_falls_a_little_below() -> None:
    process = Process()
    levels = []
    for process.resident_mib in (799, 800, 899, 900, 880, 860, 780, 760):
        levels.append(await process.after(1))
    none, high, critical = MemoryPressure
    assert levels == [none, high, high, critical, critical, high, high, none]


async def test_free_memory_goes_back_every_few_seconds() -> None:
    process = Process(limit_mib=None)
    for _ in range(60):
        await process.after(1)
    assert process.trims == 12


async def test_process_without_a_limit_is_never_under_pressure() -> None:
    process = Process(limit_mib=None)
    process.resident_mib = 10**6
    assert await process.after(1) is MemoryPressure.NONE
    assert process.reading.resident_bytes == 10**6 * MIB


async def test_caches_are_given_back_first_and_again_while_it_lasts() -> None:
    process = Process(resident_mib=700, cached_mib=150)
    assert await process.after(1) is MemoryPressure.NONE
    assert process.emptied == 1
    process.resident_mib = 950
    for _ in range(20):
        await process.after(1)
    assert process.emptied == 3


async def test_garbage_is_collected_after_growth_and_not_without() -> None:
    process = Process(limit_mib=None)
    for _ in range(30):
        await process.after(1)
    assert process.collections == 0
    process.garbage_mib = 100
    await process.after(1)
    assert (process.collections, process.reading.resident_bytes) == (1, 100 * MIB)


async def test_growth_that_stays_is_collected_once() -> None:
    process = Process(limit_mib=None)
    await process.after(1)
    process.resident_mib = 200
    for _ in range(60):
        await process.after(1)
    assert process.collections == 1


async def test_all_generations_are_collected_after_half_again_as_much_or_under_pressure() -> None:
    process = Process(limit_mib=1000, resident_mib=200)
    await process.after(700)
    for resident_mib, generation in ((300, 2), (380, 1), (440, 1), (480, 2), (560, 1), (820, 2)):
        process.resident_mib = resident_mib
        await process.after(700)
        assert process.generations[-1] == generation


async def test_all_generations_are_collected_at_most_every_ten_minutes() -> None:
    process = Process(limit_mib=1000, resident_mib=200)
    await process.after(700)
    for resident_mib in (400, 700, 850, 950):
        process.resident_mib = resident_mib
        await process.after(100)
    assert process.generations.count(2) == 1
    assert process.generations[-1] == 1


async def test_constant_growth_is_collected_at_most_every_ten_seconds() -> None:
    process = Process(limit_mib=None)
    for _ in range(40):
        process.resident_mib += 200
        await process.after(1)
    assert 3 <= process.collections <= 5


async def test_running_queries_put_a_collection_off_for_two_minutes_at_most() -> None:
    process = Process(evaluates=True)
    await process.after(200)
    process.garbage_mib = 100
    await process.after(1)
    assert process.collections == 1
    for _ in range(118):
        process.garbage_mib += 2
        await process.after(1)
    assert process.collections == 1
    process.evaluates = False
    await process.after(1)
    assert process.collections == 2


async def test_beside_queries_only_the_youngest_objects_are_collected() -> None:
    process = Process(evaluates=True)
    await process.after(1)
    for _ in range(3):
        process.resident_mib += 100
        await process.after(121)
    assert process.generations == [0, 0, 0]
    process.evaluates = False
    process.resident_mib += 100
    await process.after(11)
    assert process.generations == [0, 0, 0, 2]


async def test_running_queries_put_no_collection_off_next_to_the_limit() -> None:
    process = Process(evaluates=True)
    await process.after(200)
    for process.garbage_mib in (200, 810):
        await process.after(15)
    assert process.generations == [0, 2]


@pytest.mark.fault("memory_short")
async def test_short_memory_is_a_condition_of_the_server_while_it_lasts() -> None:
    process = Process(resident_mib=910)
    await process.after(1)
    [active] = process.conditions.active()
    assert (active.kind, active.reason) == (MEMORY_SHORT, "over 90% of 1000 MiB")
    process.resident_mib = 500
    await process.after(1)
    assert process.conditions.active() == ()


def test_trimming_returns() -> None:
    trim_malloc()
