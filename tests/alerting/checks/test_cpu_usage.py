"""The CPU usage of hosts, evaluated by the real engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from alerting.checks.cpu_usage import CpuUsage
from model.labels import Labels
from promql.api import InstantVector
from promql.engine import LocalEngine
from storage.api.samples import Vector
from storage.samples.store import SqliteSampleStore
from tests.alerting.alerting_doubles import NOW_MS, SetClock

USAGE = CpuUsage(300_000, ("instance",))
SCRAPE_MS = 8_000
Seconds = Mapping[str, float]
"""Seconds by mode."""


class Fleet:
    """Hosts with two cores whose counters a test sets."""

    def __init__(self, store: SqliteSampleStore, engine: LocalEngine) -> None:
        self._store, self._engine = store, engine

    def scrapes(self, instance: str, scrapes: Sequence[Seconds], cores: int = 2) -> None:
        """Append counters that are the same on each core, one scrape after the other."""
        modes = list(scrapes[0])
        layout = self._store.layout(
            tuple(
                Labels.of(__name__="node_cpu_seconds_total", cpu=str(cpu), mode=mode)
                for cpu in range(cores)
                for mode in modes
            )
        )
        source = self._store.source(Labels.of(job="node", instance=instance))
        for number, scrape in enumerate(scrapes):
            values = np.array([scrape[mode] for mode in modes] * cores, dtype=np.float64)
            time_ms = NOW_MS + number * SCRAPE_MS
            self._store.append(source, Vector(time_ms, layout, None, values))

    async def values(self, query: str, after_scrapes: int, by: str) -> dict[str, float]:
        time_ms = NOW_MS + (after_scrapes - 1) * SCRAPE_MS + 1_000
        vector = (await self._engine.instant(query, time_ms)).value
        assert isinstance(vector, InstantVector)
        return {
            labels.get(by): value
            for labels, value in zip(vector.labels, vector.values.tolist(), strict=True)
        }

    async def used(self, after_scrapes: int) -> dict[str, float]:
        return await self.values(USAGE.used(), after_scrapes, "instance")


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    store = SqliteSampleStore(tmp_path / "samples", clock=SetClock())
    await asyncio.to_thread(store.open)
    engine = LocalEngine(store)
    try:
        yield Fleet(store, engine)
    finally:
        await engine.close()
        await asyncio.to_thread(store.close)


def steady(count: int, start: Seconds, rate: Seconds) -> list[dict[str, float]]:
    """Return scrapes of counters that grow by `rate` seconds a second."""
    step_s = SCRAPE_MS / 1000
    return [
        {mode: start[mode] + number * step_s * rate[mode] for mode in start}
        for number in range(count)
    ]


START = {"idle": 5_000.0, "iowait": 900.0, "user": 800.0, "system": 300.0, "steal": 40.0}
RATE = {"idle": 0.3, "iowait": 0.17, "user": 0.4, "system": 0.12, "steal": 0.01}
BUSY = pytest.approx(0.53)


async def test_usage_of_a_new_host_is_right_from_the_second_scrape_on(fleet: Fleet) -> None:
    fleet.scrapes("a", steady(9, START, RATE))
    assert await fleet.used(after_scrapes=1) == {}
    for scrapes in (2, 3, 6, 9):
        assert await fleet.used(scrapes) == {"a": BUSY}


async def test_usage_of_counters_that_begin_at_zero_is_right(fleet: Fleet) -> None:
    fleet.scrapes("pushed", steady(3, {"idle": 0.0, "user": 0.0}, {"idle": 0.75, "user": 0.25}), 1)
    fleet.scrapes("booted", steady(3, dict.fromkeys(START, 0.0), RATE))
    found = await fleet.used(3)
    assert found["pushed"] == pytest.approx(0.25)
    # PromQL extrapolates counters near zero less than gauges.
    assert found["booted"] == pytest.approx(0.53, abs=0.03)


async def test_iowait_that_falls_changes_the_usage_by_as_much_as_it_falls(fleet: Fleet) -> None:
    scrapes = steady(5, START, {**RATE, "idle": 0.47, "iowait": 0.0})
    scrapes[3]["iowait"] -= 0.01
    scrapes[4]["iowait"] -= 0.01
    fleet.scrapes("foreign", scrapes)
    assert (await fleet.used(5))["foreign"] == pytest.approx(0.53, abs=1e-3)


async def test_usage_after_a_reboot_counts_from_zero(fleet: Fleet) -> None:
    before = steady(3, START, RATE)
    after = steady(3, {mode: value * 4 for mode, value in RATE.items()}, RATE)
    fleet.scrapes("a", before + after)
    for scrapes in (4, 5, 6):
        assert (await fleet.used(scrapes))["a"] == BUSY


async def test_usage_is_bounded_and_unknown_while_counters_stand_still(fleet: Fleet) -> None:
    none = dict.fromkeys(RATE, 0.0)
    fleet.scrapes("idle", steady(3, START, {**none, "idle": 1.0}))
    fleet.scrapes("busy", steady(3, START, {**none, "user": 1.0}))
    fleet.scrapes("frozen", steady(3, START, none))
    found = await fleet.used(3)
    assert (found["idle"], found["busy"]) == (0, 1)
    assert np.isnan(found["frozen"])


async def test_exporter_without_iowait_has_a_usage(fleet: Fleet) -> None:
    scrapes = steady(3, {"idle": 900.0, "user": 90.0}, {"idle": 0.75, "user": 0.25})
    fleet.scrapes("bsd", scrapes)
    assert await fleet.used(3) == {"bsd": pytest.approx(0.25)}


async def test_shares_of_the_busy_modes_add_up_to_the_usage(fleet: Fleet) -> None:
    fleet.scrapes("a", steady(4, START, RATE))
    fleet.scrapes("b", steady(4, START, {**RATE, "idle": 0.0}))
    one = CpuUsage(300_000, ("instance",), 'instance="a"')
    modes = await fleet.values(one.busy_modes(), 4, "mode")
    assert modes == {
        "user": pytest.approx(0.40),
        "system": pytest.approx(0.12),
        "steal": pytest.approx(0.01),
    }
    waiting = await fleet.values(one.waiting(), 4, "mode")
    assert waiting == {"iowait": pytest.approx(0.17)}
