"""What the alerting tests share: a clock that is set, an engine that is told, a webhook."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from storage.records.alerts import MIGRATIONS, SqliteAlerts
from storage.records.database import RecordsDatabase

NOW_MS = 1_700_000_000_000


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now_ms += round(seconds * 1000)
        await asyncio.sleep(0)


class Webhook:
    """A receiver: keeps what it was sent, answers what it is told to."""

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
        async with asyncio.timeout(10):
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
    """The real records, which say when the outcome of a delivery is stored."""

    def __init__(self, database: RecordsDatabase) -> None:
        super().__init__(database)
        self.outcomes: asyncio.Queue[str] = asyncio.Queue()

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
        async with asyncio.timeout(10):
            return [await self.outcomes.get() for _ in range(count)]


@asynccontextmanager
async def open_records(path: Path) -> AsyncIterator[WatchedAlerts]:
    """Open a records file with the tables of alerts."""
    database = RecordsDatabase(path)
    await asyncio.to_thread(database.open, [MIGRATIONS])
    try:
        yield WatchedAlerts(database)
    finally:
        await asyncio.to_thread(database.close)
