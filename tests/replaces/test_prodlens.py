"""prodlens-backend: every documented request, by real curl, and its TypeScript client's calls."""

import asyncio
import re
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.replaces.documented import run_curl
from tests.system.processes import ADMIN_PASSWORD, redshank, redshank_server

pytestmark = pytest.mark.usefixtures("curl")

TOKEN = r"""
curl -X POST http://localhost:8000/auth/token \
  -H "Content-Type: application/json" \
  -d '{"username": "demo", "password": "demo123"}'
"""
REFRESH = r"""
curl -X POST http://localhost:8000/auth/refresh \
  -H "Content-Type: application/json" \
  -d '{"username": "demo", "password": "demo123"}'
"""
ADDRESS, USER, SECRET = "http://localhost:8000", "demo", "demo123"
PATHS = (
    "/api/metrics?since=7",
    "/api/metrics/raw?since=7",
    "/api/sessions?page=1&page_size=20&sort_by=cost_usd&sort_order=desc",
    "/api/sessions?developer_id=dev@example.com&model=gpt-4o&sort_by=tokens&sort_order=asc",
    "/api/profile?developer_id=dev@example.com",
    "/api/insights?since=7&lag_days=1",
)
FIELDS = {
    "/api/metrics": {
        *("ai_interaction_velocity", "acceptance_rate", "model_selection_accuracy", "error_rate"),
        *("token_efficiency", "pr_throughput", "commit_frequency", "pr_merge_time_hours"),
        *("rework_rate", "timestamp"),
    },
    "/api/sessions": {"sessions", "total_count", "page", "page_size", "has_more"},
    "/api/profile": {
        *("developer_id", "total_sessions", "total_tokens_used", "total_cost_usd"),
        *("avg_latency_ms", "acceptance_rate", "most_used_models", "active_repos"),
        "sessions_by_date",
    },
    "/api/insights": {
        *("key_findings", "correlations", "recommendations", "anomalies", "generated_at"),
    },
}
SESSION = {
    *("session_id", "developer_id", "timestamp", "model", "tokens_in", "tokens_out"),
    *("total_tokens", "latency_ms", "status_code", "accepted_flag", "cost_usd", "diff_ratio"),
    "accepted_lines",
}
DETAILS = {"repo_slug", "related_pr_number", "related_commits"}
TRACE = {
    "session_id": "abc123",
    "developer_id": "dev@example.com",
    "model": "gpt-4o",
    "tokens_in": 250,
    "tokens_out": 150,
    "latency_ms": 1234.5,
    "status_code": 200,
    "accepted_flag": 1,
    "repo_slug": "owner/repo",
    "accepted_lines": 4,
}


@pytest.mark.slow
async def test_documented_requests_get_the_documented_fields(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        here = {ADDRESS: server.url, SECRET: ADMIN_PASSWORD, USER: "admin"}
        answer = await run_curl(TOKEN, here)
        assert answer.status == 200
        token = answer.json()
        assert token["token_type"] == "bearer"
        assert {"access_token", "expires_in"} <= set(token)
        assert (await run_curl(REFRESH, here)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        async with aiohttp.ClientSession(server.url, headers=bearer) as client:
            home = await client.get("/", headers={"Accept": "application/json"})
            assert (await home.json())["name"] == "Redshank"
            assert (await client.get("/health")).status == 200
            answered = await client.post("/api/sessions/ingest", data=orjson.dumps(TRACE) + b"\n")
            assert (await answered.json())["stored"] == 2, await answered.text()
            for path in PATHS:
                response = await client.get(path)
                document = await response.json()
                assert response.status == 200, path
                assert FIELDS.get(path.partition("?")[0], set()) <= set(document), path
            listed = await (await client.get("/api/sessions")).json()
            (session,) = listed["sessions"]
            assert set(session) >= SESSION
            assert session["session_id"] == "abc123"
            one = await (await client.get("/api/sessions/abc123")).json()
            assert set(one) >= SESSION | DETAILS
            assert one["repo_slug"] == "owner/repo"
            for path in ("/ws/metrics", "/ws/sessions"):
                async with client.ws_connect(path) as socket:
                    assert (await socket.receive_json())["type"]


@pytest.mark.slow
async def test_command_sends_a_directory_twice_and_stores_it_once(tmp_path: Path) -> None:
    traces, state = tmp_path / "traces", tmp_path / "state.json"
    await asyncio.to_thread(traces.mkdir)
    lines = b"".join(orjson.dumps({**TRACE, "session_id": f"s{n}"}) + b"\n" for n in range(3))
    await asyncio.to_thread((traces / "t.jsonl").write_bytes, lines)
    async with redshank_server(tmp_path / "data") as server:
        for told in ("stored 6, completed 0, known 0", "(1 unchanged"):
            arguments = ("--state", str(state), "--data-dir", str(tmp_path / "data"))
            async with redshank("ingest-traces", str(traces), *arguments) as command:
                await command.line(re.escape(told))
                assert await command.process.wait() == 0
        listed = await server.get("/api/sessions")
        assert listed["total_count"] == 3
