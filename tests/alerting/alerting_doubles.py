"""Doubles for the alerting tests: clocks, a query engine, a store, a webhook."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from aiohttp.test_utils import TestServer

from alerting.notifications.notice import Notice
from alerting.notifications.stages import deduplicate
from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from model.conditions import Conditions
from model.labels import Labels
from model.series import ABSENT, STALE_BITS
from storage.api.alerts import Alert, AlertChange, AlertState, NewNotification
from storage.api.errors import OutOfOrderError
from storage.api.samples import Layout, Source, Vector
from storage.records.alert_tables import MIGRATIONS
from storage.records.alerts import SqliteAlerts
from storage.records.database import RecordsDatabase
from tests.patience import PATIENCE_S

NOW_MS = 1_700_000_000_000
HOST_DOWN = Alert(
    1,
    "host/down",
    Labels.of(alertname="HostDown", instance="web-1:9100"),
    Labels.of(summary="web-1 is down"),
    AlertState.FIRING,
    0.0,
    NOW_MS,
    NOW_MS,
    NOW_MS,
)
HOST_DOWN_BODY = webhook_body(
    HOST_DOWN, NotificationStatus.FIRING, "ops", "up == 0", "http://h"
).to_json()


class SetClock:
    """A clock that stands still until it is moved.

    `set_to` sets it, and only then it differs from the monotonic clock.
    """

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms
        self._set_by_ms = 0

    def monotonic(self) -> float:
        """Return the time that has passed, in seconds."""
        return (self.now_ms - self._set_by_ms) / 1000

    def set_to(self, now_ms: int) -> None:
        """Set the clock; no time passes."""
        self._set_by_ms += now_ms - self.now_ms
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now_ms += round(seconds * 1000)
        await asyncio.sleep(0)


class RecordingPipeline:
    """A pipeline that only deduplicates, and records the notices that are left."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def run(self, notice: Notice) -> tuple[NewNotification, ...]:
        """See `NotificationPipeline.run`."""
        passed = deduplicate((notice,))
        self.notices += passed
        return tuple(NewNotification("log", item.expression) for item in passed)


class Webhook:
    """A webhook server: keeps the bodies it gets, and answers with set statuses."""

    def __init__(self) -> None:
        self.bodies: asyncio.Queue[Any] = asyncio.Queue()
        self.answers: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def _take(self, request: web.Request) -> web.Response:
        await self.gate.wait()
        assert request.content_type == "application/json"
        body = await request.json()
        status = self.answers.pop(0) if self.answers else 200
        headers = {"Location": "/elsewhere"} if 300 <= status < 400 else {}
        self.bodies.put_nowait(body)
        return web.Response(status=status, headers=headers)

    async def next(self) -> Any:
        """Return the next body that arrives."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.bodies.get()


@asynccontextmanager
async def running_webhook() -> AsyncIterator[Webhook]:
    """Serve a webhook on a free port."""
    webhook = Webhook()
    application = web.Application()
    application.router.add_post("/{secret}", webhook._take)
    server = TestServer(application)
    await server.start_server()
    webhook.url = str(server.make_url("/s3cret-token"))
    try:
        yield webhook
    finally:
        webhook.gate.set()
        await server.close()


class WatchedAlerts(SqliteAlerts):
    """The real records.

    `outcomes` yields each outcome of a delivery once it is stored; `idle` is set while no
    changes are being stored.
    """

    def __init__(self, database: RecordsDatabase) -> None:
        super().__init__(database)
        self.outcomes: asyncio.Queue[str] = asyncio.Queue()
        self.idle = asyncio.Event()
        self.idle.set()

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        self.idle.clear()
        try:
            return await super().record(changes, now_ms)
        finally:
            self.idle.set()

    async def delivered(self, notification_id: int, now_ms: int) -> None:
        await super().delivered(notification_id, now_ms)
        self.outcomes.put_nowait("delivered")

    async def failed(
        self, notification_id: int, error: str, now_ms: int, next_attempt_ms: int | None
    ) -> None:
        await super().failed(notification_id, error, now_ms, next_attempt_ms)
        self.outcomes.put_nowait("abandoned" if next_attempt_ms is None else "delayed")

    async def next_outcomes(self, count: int) -> list[str]:
        """Return the next outcomes that are stored."""
        async with asyncio.timeout(PATIENCE_S):
            return [await self.outcomes.get() for _ in range(count)]


@asynccontextmanager
async def open_records(path: Path) -> AsyncIterator[WatchedAlerts]:
    """Open a records file with the tables of alerts."""
    database = RecordsDatabase(path, Conditions(lambda: 0))
    await asyncio.to_thread(database.open, [MIGRATIONS])
    try:
        yield WatchedAlerts(database)
    finally:
        await asyncio.to_thread(database.close)


class MemoryAppender:
    """A store in memory that checks the contract of `SampleAppender`."""

    def __init__(self) -> None:
        self.last: dict[str, dict[Labels, float]] = {}
        self.vectors: list[tuple[str, Vector]] = []
        self._layouts: dict[tuple[Labels, ...], Layout] = {}
        self._state: dict[int, Vector] = {}
        self._sources: dict[tuple[Labels, str], Source] = {}

    def source(self, labels: Labels, stream: str = "") -> Source:
        source = Source(len(self._sources) + 1, labels, stream)
        return self._sources.setdefault((labels, stream), source)

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        assert len(set(series)) == len(series)
        layout = Layout(len(self._layouts) + 1, tuple(series))
        return self._layouts.setdefault(tuple(series), layout)

    def append(self, source: Source, vector: Vector) -> None:
        before = self._state.get(source.id)
        size = len(vector.layout.series)
        if before is not None and vector.time_ms <= before.time_ms:
            raise OutOfOrderError(str(source), vector.time_ms, before.time_ms)
        if vector.columns is None:
            values = vector.values
            assert len(values) == size
        else:
            assert before is not None
            known = before.layout.series
            assert vector.layout.series[: len(known)] == known
            assert len(vector.columns) == len(vector.values)
            assert np.all(np.diff(vector.columns.astype(np.int64)) > 0)
            values = np.full(size, ABSENT)
            values[: len(known)] = before.values
            values[vector.columns] = vector.values
        if before is not None:
            # A series that is not in a new layout must have ended before.
            present = set(vector.layout.series)
            for labels, bits in zip(
                before.layout.series, before.values.view(np.uint64), strict=True
            ):
                assert labels in present or bits == STALE_BITS
        self._state[source.id] = Vector(vector.time_ms, vector.layout, None, values)
        self.vectors.append((source.stream, vector))
        alive = values.view(np.uint64) != STALE_BITS
        self.last[source.stream] = {
            labels: float(value)
            for labels, value, living in zip(vector.layout.series, values, alive, strict=True)
            if living
        }

    async def commit(self) -> None:
        return None
