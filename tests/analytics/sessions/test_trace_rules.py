"""Each rule of docs/sessions.md about what counts once, on a directory of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from analytics.sessions.traces.formats import TraceFormat
from analytics.sessions.traces.reader import TraceSource
from daemon.trace_files import TraceDirectory, TraceProgress
from storage.api.agent_sessions.records import AgentSender
from storage.api.agent_sessions.reports import AgentSelection
from storage.events import DuckEventStore
from tests.analytics.sessions.traps import TRAPS, Trap, write

NOW_MS = 1_795_168_800_000
DAY_MS = 86_400_000


@pytest_asyncio.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[AgentSessions]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield AgentSessions.over(SessionSettings(), store.agent_sessions, lambda: NOW_MS)
    await asyncio.to_thread(store.close)


def bodies(trap: Trap, folder: Path) -> list[bytes]:
    write(trap, folder / "traces")
    files = TraceDirectory([folder / "traces"], AgentSender(developer="ann"), folder / "state")
    progress, found = TraceProgress(), []
    for path, _ in files.changed():
        found += list(files.read(path, progress))
    assert progress.unknown == []
    return found


@pytest.mark.parametrize("name", TRAPS)
async def test_rule(name: str, sessions: AgentSessions, tmp_path: Path) -> None:
    trap = TRAPS[name]
    # Twice, the second time backwards: neither repetition nor order may change a total.
    found = await asyncio.to_thread(bodies, trap, tmp_path)
    for body in [*found, *reversed(found)]:
        await sessions.ingestion.ingest(body, TraceSource("x", NOW_MS), TraceFormat.NATIVE)
    totals = await sessions.store.totals(AgentSelection(0, NOW_MS * 2, agent=trap.agent))
    assert (totals.requests, totals.tokens) == (trap.requests, trap.tokens)
    assert totals.cost_usd == pytest.approx(trap.cost_usd)
    assert totals.unpriced_tokens == trap.unpriced
    for day, output in trap.days.items():
        start_ms = round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
        one = await sessions.store.totals(AgentSelection(start_ms, start_ms + DAY_MS))
        assert one.tokens.output == output
