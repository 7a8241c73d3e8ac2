"""apptracker-backend: every documented request, by real curl."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.replaces.documented import run_curl
from tests.system.processes import Server, redshank_server

pytestmark = pytest.mark.usefixtures("curl")

ADDRESS, KEY = "http://127.0.0.1:5000", "a1b2c3d4e5f6"

CREATE = r"""
curl -X POST http://127.0.0.1:5000/v1/projects \
  -H "Content-Type: application/json" \
  -d '{"name": "Demo App"}'
"""
BATCH = r"""
curl -X POST http://127.0.0.1:5000/v1/events/batch \
  -H "Content-Type: application/json" \
  -d '{
    "projectKey": "a1b2c3d4e5f6",
    "events": [
      {
        "eventName": "app_open",
        "timestamp": "2025-01-06T10:00:00Z",
        "anonymousId": "anon-1"
      },
      {
        "eventName": "purchase_success",
        "timestamp": "2025-01-06T10:05:00Z",
        "anonymousId": "anon-1",
        "userId": "user-123"
      }
    ]
  }'
"""
OVERVIEW = 'curl "http://127.0.0.1:5000/v1/reports/overview?projectKey=a1b2c3d4e5f6"'
TOP_EVENTS = 'curl "http://127.0.0.1:5000/v1/reports/top-events?projectKey=a1b2c3d4e5f6&limit=10"'
TIME_SERIES = (
    'curl "http://127.0.0.1:5000/v1/reports/events-timeseries?projectKey=a1b2c3d4e5f6'
    '&interval=day&from=2025-01-01T00:00:00Z&to=2025-01-10T00:00:00Z"'
)
FUNNEL = r"""
curl -X POST http://127.0.0.1:5000/v1/reports/funnel \
  -H "Content-Type: application/json" \
  -d '{
    "projectKey": "a1b2c3d4e5f6",
    "steps": ["app_open", "screen_view", "login_success", "purchase_success"],
    "from": "2025-01-01T00:00:00Z",
    "to": "2025-01-10T00:00:00Z"
  }'
"""
CONVERSION = (
    'curl "http://127.0.0.1:5000/v1/reports/conversion?projectKey=a1b2c3d4e5f6'
    '&eventName=purchase_success&from=2025-01-01T00:00:00Z&to=2025-01-10T00:00:00Z"'
)
PATHS = ("/health", "/db/health", "/swagger", "/apispec.json", "/v1/projects")


async def test_documented_requests_get_the_documented_answers(tmp_path: Path) -> None:
    async with redshank_server(tmp_path, {"analytics": {"open_api": True}}) as server:
        created = (await run_curl(CREATE, {ADDRESS: server.url})).json()
        assert created["name"] == "Demo App"
        assert len(created["projectKey"]) == 12
        assert created["createdAt"].endswith("Z")
        assert created["isActive"] is True
        exchanged = {ADDRESS: server.url, KEY: created["projectKey"]}
        stored = await run_curl(BATCH, exchanged)
        assert (stored.status, stored.json()["inserted"]) == (200, 2)
        await check_reports(exchanged)
        await check_errors(server, exchanged)


async def check_reports(exchanged: Mapping[str, str]) -> None:
    # The events are older than the report's default range of thirty days.
    overview = (await run_curl(OVERVIEW.replace('f6"', 'f6&from=2025-01-01"'), exchanged)).json()
    assert (overview["totalEvents"], overview["uniqueUsers"]) == (2, 1)
    assert overview["uniqueEventNames"] == 2
    assert (await run_curl(TOP_EVENTS, exchanged)).json()["events"] == []
    series = (await run_curl(TIME_SERIES, exchanged)).json()["series"]
    assert [point["count"] for point in series] == [0, 0, 0, 0, 0, 2, 0, 0, 0]
    assert series[5]["period"] == "2025-01-06"
    funnel = (await run_curl(FUNNEL, exchanged)).json()
    assert [step["users"] for step in funnel["steps"]] == [1, 0, 0, 0]
    conversion = (await run_curl(CONVERSION, exchanged)).json()
    assert (conversion["convertedUsers"], conversion["conversionRate"]["rate"]) == (1, 1.0)


async def check_errors(server: Server, exchanged: Mapping[str, str]) -> None:
    for path in PATHS:
        assert (await run_curl(f"curl {ADDRESS}{path}", {ADDRESS: server.url})).status == 200
    inserted = await run_curl(f"curl -X POST {ADDRESS}/db/test-insert", {ADDRESS: server.url})
    assert inserted.json() == {"success": True, "inserted": 1}
    unknown = await run_curl(OVERVIEW, {ADDRESS: server.url, KEY: "abc123"})
    assert unknown.status == 403
    assert unknown.json()["error"] == "Project with key 'abc123' not found"
    wrong = BATCH.replace('"anonymousId": "anon-1"\n', '"anonymousId": 1.5\n')
    partly = (await run_curl(wrong, exchanged)).json()
    assert partly["errors"] == [{"index": 0, "field": "anonymousId", "error": "must be a text"}]


async def test_projects_and_reports_need_a_login_by_default(tmp_path: Path) -> None:
    async with redshank_server(tmp_path) as server:
        for request in (CREATE, OVERVIEW, FUNNEL):
            assert (await run_curl(request, {ADDRESS: server.url})).status == 401
        project = await server.post("/v1/projects", {"name": "Shop"}, 200)
        # Browsers send events without a login.
        stored = await run_curl(BATCH, {ADDRESS: server.url, KEY: project["projectKey"]})
        assert stored.json()["inserted"] == 2
