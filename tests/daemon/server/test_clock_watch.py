"""The conditions about time."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from daemon.server.clock_watch import ClockWatch
from model.clock import SteadyClock
from model.conditions import CLOCK_JUMPED, FUTURE_SAMPLES, Conditions
from model.labels import Labels
from storage.api.samples import Vector
from storage.samples.store import SqliteSampleStore

NOW_MS = 1_700_000_000_000
YEARS_MS = 3 * 365 * 86_400_000


@pytest.mark.fault("clock_jumped", "future_samples")
async def test_jump_and_what_it_left_are_conditions_until_they_have_gone(tmp_path: Path) -> None:
    offset_ms, elapsed_ms = NOW_MS, 0
    clock = SteadyClock(lambda: elapsed_ms + offset_ms, lambda: elapsed_ms)
    store = SqliteSampleStore(tmp_path, clock=clock)
    await asyncio.to_thread(store.open)
    conditions = Conditions(clock)
    watch = ClockWatch(clock, store.future, conditions)

    async def found() -> list[tuple[str, str]]:
        watch.check_clock()
        await watch.check_samples()
        return [(one.kind.name, one.reason) for one in conditions.active()]

    assert await found() == []
    offset_ms += YEARS_MS
    assert await found() == [("clock_jumped", "it is 3y ahead of the server's")]
    elapsed_ms += 601_000
    assert await found() == []
    layout = store.layout((Labels.of(__name__="x"),))
    store.append(store.source(Labels.of(job="j")), Vector(clock(), layout, None, np.zeros(1)))
    offset_ms = NOW_MS
    assert [name for name, _ in await found()] == ["clock_jumped"]
    elapsed_ms += 601_000
    assert await found() == [("future_samples", "1 sources have some")]
    await asyncio.to_thread(store.future.drop)
    assert await found() == []
    await asyncio.to_thread(store.close)
    assert {CLOCK_JUMPED.severity, FUTURE_SAMPLES.severity} == {"warning"}
