"""How fast `redshank ingest-traces` reads transcripts, and the server lists sessions.

The transcripts are generated: responses in one to three lines, results of tools of some
kilobytes, lines of other kinds. `./run bench traces --json` prints one object.
"""

import asyncio
import json
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import click
import orjson

from analytics.sessions.pricing import PriceTable
from daemon.trace_files import TraceDirectory, TraceProgress
from storage.api.agent_sessions.records import AgentRecords, AgentRequest, AgentSender, TokenCounts
from storage.api.agent_sessions.reports import AgentSelection, SessionOrder
from storage.events import DuckEventStore

_NOW_MS = 1_795_168_800_000
_MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001")


def transcript(path: Path, size_bytes: int, seed: int) -> None:
    """Write a transcript of about this size."""
    rng = random.Random(seed)
    session, written, n = f"session-{seed}", 0, 0
    with path.open("wb") as file:
        while written < size_bytes:
            n += 1
            for line in _turn(rng, session, f"msg_{seed}_{n}", f"req_{seed}_{n}"):
                written += file.write(orjson.dumps(line) + b"\n")


def _turn(rng: random.Random, session: str, message: str, request: str) -> list[dict[str, object]]:
    time_text = time.strftime(
        "%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_NOW_MS / 1000 - rng.random() * 1e6)
    )
    shared: dict[str, object] = {
        "sessionId": session,
        "timestamp": time_text,
        "cwd": "/home/ann/shop",
        "gitBranch": "main",
        "version": "2.1.0",
        "isSidechain": False,
    }
    usage = {
        "input_tokens": rng.randrange(10),
        "output_tokens": rng.randrange(2000),
        "cache_read_input_tokens": rng.randrange(100_000),
        "cache_creation_input_tokens": 900,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 900},
    }
    key = f"toolu_{message}"
    given = {"file_path": "/a.py", "new_string": "x\n" * 40}
    blocks = [
        {"type": "text", "text": "word " * rng.randrange(20, 200)},
        {"type": "tool_use", "id": key, "name": "Edit", "input": given},
    ]
    lines: list[dict[str, object]] = [
        {
            **shared,
            "type": "assistant",
            "uuid": f"{message}-{place}",
            "requestId": request,
            "message": {
                "id": message,
                "role": "assistant",
                "model": rng.choice(_MODELS),
                "content": [block],
                "usage": usage,
            },
        }
        for place, block in enumerate(blocks)
    ]
    text = "line of a file that the tool has read\n" * rng.randrange(20, 300)
    result = {"type": "tool_result", "tool_use_id": key, "content": text}
    lines.append(
        {
            **shared,
            "type": "user",
            "uuid": f"{message}-result",
            "message": {"role": "user", "content": [result]},
            "toolUseResult": {"originalFile": text, "structuredPatch": [{"lines": ["+x"] * 40}]},
        }
    )
    lines.append({**shared, "type": "file-history-snapshot", "snapshot": {"files": text[:1000]}})
    return lines


def read_speed(folder: Path, size_mb: int) -> tuple[float, int]:
    """Return MB a second, and the number of records."""
    for seed in range(4):
        transcript(folder / f"{seed}.jsonl", size_mb * 1_000_000 // 4, seed)
    files = TraceDirectory([folder], AgentSender(developer="ann"), folder / "state" / "traces")
    progress, records = TraceProgress(), 0
    began_s = time.perf_counter()
    for path, _ in files.changed():
        for body in files.read(path, progress):
            records += body.count(b"\n")
    return progress.size_bytes / 1e6 / (time.perf_counter() - began_s), records


async def list_speed(folder: Path, requests: int) -> tuple[float, float]:
    """Return how long a page of sessions takes, and how many records a second were stored."""
    rng = random.Random(1)
    store = DuckEventStore(folder / "events.duckdb")
    prices = PriceTable()
    began_s = time.perf_counter()
    for start in range(0, requests, 20_000):
        batch = []
        for n in range(start, min(start + 20_000, requests)):
            request = AgentRequest(
                session_id=f"session-{n // 40}",
                time_ms=_NOW_MS - n * 1000,
                model=rng.choice(_MODELS),
                tokens=TokenCounts(rng.randrange(100), rng.randrange(2000), 50_000),
                sender=AgentSender("claude-code", f"dev-{n // 40 % 50}", f"team-{n % 5}"),
                message_id=f"m-{n}",
                request_id=f"r-{n}",
            )
            batch.append(replace(request, cost_usd=prices.cost(request)))
        await store.agent_sessions.append_records(AgentRecords(batch))
    stored_s = requests / (time.perf_counter() - began_s)
    selection = AgentSelection(0, _NOW_MS * 2)
    took = []
    for order in (SessionOrder.TIMESTAMP, SessionOrder.COST, SessionOrder.TOKENS):
        for _ in range(5):
            began_s = time.perf_counter()
            await store.agent_sessions.sessions(selection, order, descending=True, limit=20)
            took.append(time.perf_counter() - began_s)
    await asyncio.to_thread(store.close)
    return sorted(took)[len(took) // 2] * 1000, stored_s


@click.command()
@click.option("--megabytes", default=200, show_default=True, help="Size of the transcripts.")
@click.option("--requests", default=1_000_000, show_default=True, help="Requests in the store.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(megabytes: int, requests: int, as_json: bool) -> None:
    """Measure reading of traces and the list of sessions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "traces").mkdir()
        speed, records = read_speed(folder / "traces", megabytes)
        list_ms, stored_s = asyncio.run(list_speed(folder, requests))
    figures = {
        "traces_mb_s": round(speed, 1),
        "records": records,
        "session_list_ms": round(list_ms, 1),
        "records_stored_s": round(stored_s),
    }
    if as_json:
        print(json.dumps(figures))
        return
    for label, value in figures.items():
        print(f"{label:20} {value:>12,}")


if __name__ == "__main__":
    main()
