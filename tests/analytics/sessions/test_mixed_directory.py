"""The totals of a directory with every trap, by the rules of docs/sessions.md."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from analytics.sessions.traces.formats import TraceFormat
from analytics.sessions.traces.reader import TraceSource
from daemon.trace_files import TraceDirectory, TraceProgress
from storage.api.agent_sessions.records import (
    AgentRecords,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)
from storage.api.agent_sessions.reports import AgentSelection
from storage.events import DuckEventStore
from tests.analytics.sessions.claude_lines import MODEL, response

NOW_MS = 1_795_168_800_000
ALL = AgentSelection(0, NOW_MS * 2)
CODEX = "11111111-1111-4111-8111-111111111111"


def usage(output: int, **more: object) -> dict[str, object]:
    return {"input_tokens": 100, "output_tokens": output, **more}


PARENT = [
    # Partial usage, then the whole, each in two lines.
    response("m1", "r1", usage=usage(1)),
    response("m1", "r1", usage=usage(40)),
    response("m1", "r1", usage=usage(40)),
    # A gateway leaves the request id out of one line.
    response("m2", None, usage=usage(20)),
    response("m2", "r2", usage=usage(20)),
    # Three zones of one instant, and cache writes for an hour.
    response(
        "m3",
        "r3",
        time="2026-11-20T19:00:00+09:00",
        usage=usage(
            7,
            cache_creation_input_tokens=1000,
            cache_creation={"ephemeral_1h_input_tokens": 1000},
        ),
    ),
    response("m4", "r4", time="2026-11-20T02:00:00-08:00", model="no-such-model", usage=usage(9)),
    response("m5", "r5", model="<synthetic>", usage=usage(999)),
]
SUBAGENT = [
    response("m1", "r71", usage=usage(40), sidechain=True),
    response("m6", "r6", usage=usage(60), sidechain=True),
]
RESUMED = [*PARENT[1:3], response("m7", "r7", usage=usage(5), session="s-2")]
OUTPUT = 40 + 20 + 7 + 9 + 60 + 5


def codex_rows() -> list[bytes]:
    def row(total: int, last: int) -> bytes:
        info = {
            "total_token_usage": {"input_tokens": total, "output_tokens": total},
            "last_token_usage": {"input_tokens": last, "output_tokens": last},
        }
        payload = {"type": "token_count", "info": info}
        return orjson.dumps(
            {"type": "event_msg", "timestamp": "2026-11-20T10:00:00Z", "payload": payload}
        )

    return [row(10, 10), row(10, 10), row(30, 20)]


def meta(thread: str, parent: str | None = None) -> bytes:
    payload = {"id": thread, "cwd": "/x"} | ({"forked_from_id": parent} if parent else {})
    return orjson.dumps(
        {"type": "session_meta", "timestamp": "2026-11-20T10:00:00Z", "payload": payload}
    )


FORK = CODEX.replace("1", "2")
FILES = {
    "project/s-1.jsonl": PARENT,
    "project/s-1/subagents/agent-1.jsonl": SUBAGENT,
    "project/s-2.jsonl": RESUMED,
    "project/copy of s-1.jsonl": PARENT,
    f"codex/rollout-2026-11-20T10-00-00-{CODEX}.jsonl": [meta(CODEX), *codex_rows()],
    f"codex/rollout-2026-11-20T11-00-00-{FORK}.jsonl": [
        meta(FORK, CODEX),
        meta(CODEX),
        *codex_rows(),
    ],
    "notes.json": [b'{"hello": 1}'],
}


@pytest_asyncio.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[AgentSessions]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield AgentSessions.over(SessionSettings(), store.agent_sessions, lambda: NOW_MS)
    await asyncio.to_thread(store.close)


def written(folder: Path) -> Path:
    for name, lines in FILES.items():
        path = folder / "traces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(lines) + b"\n")
    return folder / "traces"


def bodies(files: TraceDirectory) -> tuple[list[bytes], TraceProgress]:
    progress, found = TraceProgress(), []
    for path, _ in files.changed():
        found += list(files.read(path, progress))
        files.sent(path)
    files.save()
    return found, progress


@pytest.mark.parametrize("backwards", [False, True])
async def test_every_request_of_a_mixed_directory_counts_once(
    sessions: AgentSessions, tmp_path: Path, backwards: bool
) -> None:
    folder = await asyncio.to_thread(written, tmp_path)
    files = TraceDirectory([folder], AgentSender(developer="ann"), tmp_path / "state.json")
    found, progress = await asyncio.to_thread(bodies, files)
    assert [path.name for path in progress.unknown] == ["notes.json"]
    source = TraceSource("x", NOW_MS)
    for body in reversed(found) if backwards else found:
        await sessions.ingestion.ingest(body, source, TraceFormat.NATIVE)
    claude = await sessions.store.totals(AgentSelection(0, NOW_MS * 2, agent="claude-code"))
    assert (claude.requests, claude.tokens.output) == (6, OUTPUT)
    assert claude.tokens.cache_write_1h == 1000
    assert claude.unpriced_tokens == 109
    priced = 5 * 100 * 3 + (OUTPUT - 9) * 15 + 1000 * 6
    assert claude.cost_usd == pytest.approx(priced / 1e6)
    codex = await sessions.store.totals(AgentSelection(0, NOW_MS * 2, agent="codex"))
    assert (codex.requests, codex.tokens.input, codex.tokens.output) == (2, 30, 30)


async def test_otlp_events_of_the_same_requests_change_no_total(
    sessions: AgentSessions, tmp_path: Path
) -> None:
    body = b"\n".join(PARENT)
    await sessions.ingestion.ingest(body, TraceSource("x", NOW_MS))
    before = await sessions.store.totals(ALL)
    event = AgentRequest(
        session_id="s-1",
        time_ms=NOW_MS + 1500,
        model=MODEL,
        tokens=TokenCounts(input=100, output=40),
        sender=AgentSender("claude-code"),
        request_id="r1",
        origin=RecordOrigin.OTLP,
        reported_cost_usd=9.0,
        prefers_reported=True,
        duration_ms=1234,
    )
    await sessions.ingestion.append(AgentRecords([event]))
    after = await sessions.store.totals(ALL)
    assert (after.requests, after.tokens) == (before.requests, before.tokens)
    assert after.cost_usd == pytest.approx(before.cost_usd)
    assert after.duration_ms == 1234


async def test_unchanged_files_are_passed_over_and_grown_ones_read_on(tmp_path: Path) -> None:
    def steps() -> None:
        path = tmp_path / "s-1.jsonl"
        path.write_bytes(response("m1", "r1") + b"\n" + response("m2", "r2")[:30])
        files = TraceDirectory([tmp_path], AgentSender(), tmp_path / "state" / "x")
        first, _ = bodies(files)
        assert b"".join(first).count(b'"redshank":"request"') == 1
        assert files.changed() == []
        path.write_bytes(response("m1", "r1") + b"\n" + response("m2", "r2") + b"\n")
        more, _ = bodies(files)
        assert b'"m2"' in b"".join(more)
        assert b'"m1"' not in b"".join(more)
        # Another run of the command knows what was sent, and another developer's does not.
        again = TraceDirectory([tmp_path], AgentSender(), tmp_path / "state" / "x")
        assert (again.changed(), again.unchanged) == ([], 1)
        other = TraceDirectory([tmp_path], AgentSender(developer="bob"), tmp_path / "state" / "x")
        assert len(other.changed()) == 1

    await asyncio.to_thread(steps)
