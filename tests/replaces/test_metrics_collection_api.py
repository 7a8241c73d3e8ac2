"""metrics-collection-api: every documented request, by real curl."""

from pathlib import Path

import pytest

from tests.replaces.documented import run_curl
from tests.system.processes import Server, redshank_server

pytestmark = pytest.mark.usefixtures("curl")

HEALTH_EXAMPLES = (
    (
        "curl https://yourusername.pythonanywhere.com/api/health",
        "https://yourusername.pythonanywhere.com",
    ),
    ("curl http://localhost:5000/api/health", "http://localhost:5000"),
)
POST_EXAMPLE = r"""
curl -X POST http://localhost:5000/api/metrics \
  -H "Content-Type: application/json" \
  -H "X-API-Key: your-secret-key-here" \
  -d '{
    "message_id": "test-001",
    "timestamp": 1642534800.123,
    "device_id": "local-system-001",
    "source": "local",
    "metrics": [
      {"metric_name": "cpu_usage", "metric_value": 45.2},
      {"metric_name": "ram_usage", "metric_value": 7234.5}
    ]
  }'
"""
POST_REQUEST = r"""
curl -X POST http://localhost:5000/api/metrics -H "X-API-Key: your-secret-key-here" -d '
{
  "message_id": "uuid-string",
  "timestamp": 1642534800.123,
  "device_id": "device-001",
  "source": "local",
  "metrics": [
    {"metric_name": "cpu_usage", "metric_value": 45.2}
  ]
}'
"""
RECENT_REQUEST = (
    'curl "http://localhost:5000/api/recent?limit=10" -H "X-API-Key: your-secret-key-here"'
)
ADDRESS, KEY = "http://localhost:5000", "your-secret-key-here"


async def push_token(server: Server) -> str:
    made = await server.post("/api/account/tokens", {"label": "pi", "scopes": ["push"]}, 201)
    return str(made["access_token"])


async def test_documented_requests_get_the_documented_answers(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        for command, address in HEALTH_EXAMPLES:
            answer = await run_curl(command, {address: server.url})
            assert answer.status == 200
            assert answer.json() == {
                "status": "healthy",
                "database": "connected",
                "total_messages": 0,
            }
        here = {ADDRESS: server.url, KEY: await push_token(server)}
        for _ in range(2):
            answer = await run_curl(POST_EXAMPLE, here)
            assert (answer.status, answer.json()) == (
                200,
                {"status": "success", "message_id": "test-001", "metrics_count": 2},
            )
        answer = await run_curl(POST_REQUEST, here)
        assert (answer.status, answer.json()) == (
            200,
            {"status": "success", "message_id": "uuid-string", "metrics_count": 1},
        )
        health = await run_curl(HEALTH_EXAMPLES[1][0], {ADDRESS: server.url})
        assert health.json()["total_messages"] == 2
        answer = await run_curl(RECENT_REQUEST, here)
        assert answer.status == 200
        recent = answer.json()
        assert recent["count"] == 2
        assert [message["message_id"] for message in recent["messages"]] == [
            "uuid-string",
            "test-001",
        ]
        assert recent["messages"][1] == {
            "message_id": "test-001",
            "timestamp": 1642534800.123,
            "device_id": "local-system-001",
            "source": "local",
            "metrics": [
                {"metric_name": "cpu_usage", "metric_value": 45.2},
                {"metric_name": "ram_usage", "metric_value": 7234.5},
            ],
        }


async def test_wrong_or_missing_key_is_unauthorized(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        for command in (POST_EXAMPLE, RECENT_REQUEST):
            assert (await run_curl(command, {ADDRESS: server.url})).status == 401
            without = command.replace('-H "X-API-Key: your-secret-key-here"', "")
            answer = await run_curl(without, {ADDRESS: server.url})
            assert answer.status == 401
            assert answer.json()["error"]


@pytest.mark.slow
async def test_messages_are_known_again_after_kill_and_restart(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        here = {ADDRESS: server.url, KEY: (key := await push_token(server))}
        assert (await run_curl(POST_EXAMPLE, here)).status == 200
        await server.process.kill()
    async with redshank_server(tmp_path / "data") as server:
        here = {ADDRESS: server.url, KEY: key}
        assert (await run_curl(POST_EXAMPLE, here)).status == 200
        health = await run_curl(HEALTH_EXAMPLES[1][0], {ADDRESS: server.url})
        assert health.json()["total_messages"] == 1
        found = await server.get("/api/v1/query", query="ram_usage", time="1642534801")
        (series,) = found["data"]["result"]
        assert series["value"][1] == "7234.5"
        assert (series["metric"]["device_id"], series["metric"]["source"]) == (
            "local-system-001",
            "local",
        )
