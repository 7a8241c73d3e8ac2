"""A real store, message log and records for tests of pushes, with a settable clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.devices.inbox import MessageInbox
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.series.commits import GroupCommit
from promql.api import InstantVector
from promql.engine import EngineSettings, LocalEngine
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from storage.samples.store import SqliteSampleStore

NOW_MS = 1_790_000_000_000


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class PushWorld:
    store: SqliteSampleStore
    log: SqliteMessageLog
    records: Records
    inbox: MessageInbox
    hosts: PushedHosts
    clock: Clock
    engine: LocalEngine

    async def query(self, expression: str, time_ms: int) -> dict[str, float]:
        """Return the result of an instant query: values by label set."""
        answer = await self.engine.instant(expression, time_ms)
        assert isinstance(answer.value, InstantVector)
        values = answer.value.values.tolist()
        return dict(zip(map(str, answer.value.labels), values, strict=True))


@asynccontextmanager
async def push_world(folder: Path, clock: Clock | None = None) -> AsyncIterator[PushWorld]:
    """Open everything in a folder; opening it again simulates a restart."""
    clock = clock or Clock()
    async with AsyncExitStack() as stack:
        store = SqliteSampleStore(folder, clock=clock)
        log = SqliteMessageLog(folder / "messages.db")
        records = Records(folder / "records.db")
        for part in (store, log, records):
            await asyncio.to_thread(part.open)
            stack.push_async_callback(asyncio.to_thread, part.close)
        engine = LocalEngine(store, EngineSettings())
        stack.push_async_callback(engine.close)
        commits = await stack.enter_async_context(GroupCommit(store, log).running())
        hosts = PushedHosts(
            samples=store,
            reader=store,
            messages=log,
            commits=commits,
            hosts=records.hosts,
            keys=records.host_keys,
            clock=clock,
        )
        # `running` is not entered: the test calls `update` itself.
        await hosts.refresh()
        inbox = MessageInbox(store, log, commits, clock)
        yield PushWorld(store, log, records, inbox, hosts, clock, engine)
