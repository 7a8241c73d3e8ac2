"""Host checks are evaluated while everything else is slow, refused or stuck."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from alerting.book.alert_book import AlertBook
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_evaluation import HostChecksEvaluation
from alerting.checks.hosts import HostWatcher
from alerting.checks.registry import HostCheckRegistry
from alerting.evaluation.health import HealthBoard
from alerting.notifications.delivery import Delivery
from alerting.settings import DeliverySettings
from alerting.time_source import TimeSource
from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from promql.engine import LocalEngine
from storage.api.samples import Vector
from storage.samples.store import SqliteSampleStore
from tests.alerting.alerting_doubles import NOW_MS, RecordingPipeline, SetClock, open_records
from tests.patience import PATIENCE_S

SETTINGS = HostCheckSettings.model_validate({"down": {"for": "0s"}})


class StuckReads(SqliteSampleStore):
    """A store whose reads of one metric do not end before `gate` is set."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, clock=SetClock())
        self.gate, self.begun = threading.Event(), threading.Semaphore(0)

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int, *args: Any, **options: Any
    ) -> list[AlignedSeries]:
        if any(matcher.value == "heavy" for matcher in matchers):
            self.begun.release()
            self.gate.wait(60)
        return super().select(matchers, start_ms, end_ms, *args, **options)


class Watch:
    """One host that is down, and its checks."""

    def __init__(self, store: StuckReads, engine: LocalEngine, records: Any) -> None:
        self.store, self.engine, self.records = store, engine, records
        self.pipeline = RecordingPipeline()
        self.board = HealthBoard(SetClock())
        self._checks = HostChecksEvaluation(
            HostCheckRegistry(SETTINGS),
            HostWatcher(engine, lambda: [("a", "node", "a:9100")], NOW_MS),
            engine,
            store,
            AlertBook(records, self.pipeline.run, lambda changes: None),
            self.board,
        )

    async def evaluate(self) -> list[str]:
        """Scrape the host as down, evaluate once; return the alerts that were notified."""
        source = self.store.source(Labels.of(job="node", instance="a:9100"))
        layout = self.store.layout((Labels.of(__name__="up"),))
        self.store.append(source, Vector(NOW_MS, layout, None, np.zeros(1)))
        async with asyncio.timeout(PATIENCE_S):
            await self._checks.evaluate(NOW_MS)
        assert not any(self.board[f"host/{check}"].error for check in CheckName)
        return [item.alert.labels.get("alertname") for item in self.pipeline.notices]

    async def delivered(self, count: int) -> list[str]:
        """Deliver the outbox; return the first bodies that arrive."""
        bodies: asyncio.Queue[str] = asyncio.Queue()

        class Inbox:
            async def send(self, body: str) -> None:
                bodies.put_nowait(body)

        delivery = Delivery(
            self.records, {"log": Inbox()}, DeliverySettings(), TimeSource(lambda: NOW_MS)
        )
        running = asyncio.create_task(delivery.run("log"))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return [await bodies.get() for _ in range(count)]
        finally:
            running.cancel()
            await asyncio.wait([running])


@asynccontextmanager
async def watching(tmp_path: Path) -> AsyncIterator[Watch]:
    store = StuckReads(tmp_path / "samples")
    await asyncio.to_thread(store.open)
    engine = LocalEngine(store)
    try:
        async with open_records(tmp_path / "records.db") as records:
            yield Watch(store, engine, records)
    finally:
        store.gate.set()
        await engine.close()
        await asyncio.to_thread(store.close)


async def test_checks_are_evaluated_beside_more_heavy_queries_than_threads(
    tmp_path: Path,
) -> None:
    async with watching(tmp_path) as watch:
        viewers = [
            asyncio.create_task(watch.engine.instant(f"sum(heavy) + {number}", NOW_MS))
            for number in range(20)
        ]
        for _ in range(4):
            await asyncio.to_thread(watch.store.begun.acquire)
        assert await watch.evaluate() == ["HostDown"]
        assert not any(viewer.done() for viewer in viewers)
        watch.store.gate.set()
        await asyncio.gather(*viewers)


async def test_checks_are_evaluated_while_every_thread_of_the_loop_is_stuck(
    tmp_path: Path,
) -> None:
    """Exports, snapshots, large pushes and pages run in the loop's default executor."""
    async with watching(tmp_path) as watch:
        loop, gate = asyncio.get_running_loop(), threading.Event()
        stuck = [loop.run_in_executor(None, gate.wait, 60) for _ in range(100)]
        try:
            assert await watch.evaluate() == ["HostDown"]
            assert len(await watch.delivered(1)) == 1
        finally:
            gate.set()
            await asyncio.gather(*stuck)


async def test_checks_are_evaluated_during_a_merge_a_snapshot_or_a_backup(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        # Held by merges, cleaning and deletion; the copies of snapshots and backups are reads.
        with watch.store._maintaining:
            assert await watch.evaluate() == ["HostDown"]


async def test_checks_are_evaluated_while_pages_read_the_records(tmp_path: Path) -> None:
    async with watching(tmp_path) as watch:
        gate = threading.Event()
        database = watch.records._database
        pages = [
            asyncio.create_task(database.read(lambda _: gate.wait(60) and None)) for _ in range(8)
        ]
        await asyncio.sleep(0)
        try:
            assert await watch.evaluate() == ["HostDown"]
            assert len(await watch.delivered(1)) == 1
        finally:
            gate.set()
            await asyncio.gather(*pages)
