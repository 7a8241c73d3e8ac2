"""The system clock is set back and forward while the scraper appends to a real store."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import apscheduler.schedulers.base
import numpy as np
import pytest
from structlog.testing import capture_logs

from model.labels import Labels
from model.matchers import Matcher
from scraper.fetching.targets import ScrapeTarget
from scraper.scheduling import slots
from scraper.scheduling.scraper import Scraper
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.patience import PATIENCE_S
from tests.scraper.exposing_server import body, serving

HOUR_MS = 3_600_000
INTERVAL_MS = 100


class SettableClock:
    """A clock that a test can set; APScheduler uses it as well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset_ms = 0
        clock = self

        class Shifted(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> "Shifted":
                return cls.fromtimestamp(clock() / 1000, tz)

        monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Shifted)
        monkeypatch.setattr(slots, "datetime", Shifted)

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms


@asynccontextmanager
async def running(directory: Path, clock: SettableClock) -> AsyncIterator[tuple[Scraper, "Reader"]]:
    store = SqliteSampleStore(directory, StoreSettings(), clock=clock)
    await asyncio.to_thread(store.open)
    try:
        async with serving(metrics=body("x 1\n")) as url, Scraper(store, clock) as scraper:
            labels = Labels.of(job="j", instance="a")
            scraper.apply(
                [ScrapeTarget(url("metrics"), labels, INTERVAL_MS / 1000, INTERVAL_MS / 1000)]
            )
            yield scraper, Reader(store)
    finally:
        await asyncio.to_thread(store.close)


class Reader:
    """Reads the times of samples from the store."""

    def __init__(self, store: SqliteSampleStore) -> None:
        self._store = store

    async def times_ms(self) -> list[int]:
        found = await asyncio.to_thread(
            self._store.select, [Matcher.of("__name__", "=", "x")], 0, 2**52
        )
        return np.concatenate([part.times_ms[0] for part in found]).tolist() if found else []


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - counters tell nobody
            await asyncio.sleep(0.01)


async def scraped(scraper: Scraper, more: int) -> None:
    wanted = scraper.statistics.scrapes + more
    await until(lambda: scraper.statistics.scrapes >= wanted)


@pytest.mark.parametrize("by_ms", [-HOUR_MS, HOUR_MS])
async def test_scraping_continues_when_the_clock_is_set_and_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_ms: int
) -> None:
    clock = SettableClock(monkeypatch)
    with capture_logs() as logs:
        async with running(tmp_path, clock) as (scraper, reader):
            await scraped(scraper, 5)
            before = await reader.times_ms()
            clock.offset_ms = by_ms
            # Scrapes continue at the interval instead of pausing for an hour.
            await until(lambda: scraper.statistics.clock_jumps == 1)
            await scraped(scraper, 5)
            meanwhile = await reader.times_ms()
            clock.offset_ms = 0
            await until(lambda: scraper.statistics.clock_jumps == 2)
            await scraped(scraper, 5)
            after = await reader.times_ms()
    assert set(before) <= set(after)
    assert after == sorted(set(after))
    jumps = [entry for entry in logs if entry["event"] == "clock_jumped"]
    assert [round(entry["by_s"]) for entry in jumps] == [by_ms // 1000, -by_ms // 1000]
    assert all(entry["fix"] for entry in jumps)
    # Scrapes after the clock was set back are older than stored samples, and stored all the same.
    assert scraper.statistics.append_failures == 0
    assert len(after) > len(meanwhile) > len(before)
    assert max(meanwhile) - min(meanwhile) > HOUR_MS - 60_000
    # No time has passed.
    assert scraper.statistics.missed < 20


async def test_no_target_is_refused_after_a_restart_while_samples_are_years_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SettableClock(monkeypatch)
    clock.offset_ms = 3 * 365 * 24 * HOUR_MS
    async with running(tmp_path, clock) as (scraper, _):
        await scraped(scraper, 3)
    clock.offset_ms = 0
    for _ in range(2):
        async with running(tmp_path, clock) as (scraper, reader):
            await scraped(scraper, 3)
            assert scraper.statistics.append_failures == 0
            [status] = scraper.statuses()
            assert status.last_error == ""
            now_ms = clock()
            times_ms = await reader.times_ms()
            assert len([one for one in times_ms if one <= now_ms]) >= 3
