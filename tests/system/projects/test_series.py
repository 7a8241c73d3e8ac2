"""Counts and latencies of projects are series, over restarts of the server."""

from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import Server, redshank_server, until

SETTINGS = {"scrape": {"interval": "1s", "timeout": "1s"}}


async def send(server: Server, project: str, key: str, number: int) -> None:
    """Send two events and three requests, one of which failed."""
    events = [
        {"eventName": "open", "anonymousId": "a", "eventId": f"{number}-{at}"} for at in range(2)
    ]
    await server.post("/v1/events/batch", {"projectKey": project, "events": events})
    # A repeated batch changes nothing.
    await server.post("/v1/events/batch", {"projectKey": project, "events": events})
    requests = [
        {"method": "GET", "path": "/a/1", "route": "/a/{id}", "status_code": status}
        | {"response_time_ms": 20}
        for status in (200, 200, 500)
    ]
    headers = {"X-API-Key": key}
    async with server.session.post(
        server.url + "/api/v1/track/batch", json={"requests": requests}, headers=headers
    ) as response:
        assert response.status == 202, await response.text()


async def value(server: Server, expression: str) -> Any:
    found = await server.query(expression)
    return float(found[0]["value"][1]) if found else None


@pytest.mark.slow
async def test_counters_and_histograms_answer_promql_and_survive_a_restart(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data", SETTINGS) as server:
        project = (await server.post("/v1/projects", {"name": "Shop"}))["projectKey"]
        path = f"/api/v1/projects/{project}/api-keys/"
        key = (await server.post(path, {"name": "api"}, 201))["api_key"]
        await send(server, project, key, 1)
        events = f'redshank_events_total{{project="{project}",name="open"}}'
        await until(lambda: value(server, f"{events} == 2"), "the events")
        assert await server.process.stop() == 0
    async with redshank_server(tmp_path / "data", SETTINGS) as server:
        await send(server, project, key, 2)
        await until(lambda: value(server, f"{events} == 4"), "the events of both starts")
        requests = f'redshank_requests_total{{project="{project}",route="/a/{{id}}"'
        await until(lambda: value(server, f'{requests},status="200"}} == 4'), "the requests")
        assert await value(server, f'{requests},status="500"}}') == 2
        duration = f'redshank_request_duration_seconds_bucket{{project="{project}"}}'
        quantile = await value(server, f"histogram_quantile(0.5, {duration})")
        assert 0.01 < quantile <= 0.025
        # No counter ever fell.
        assert await value(server, f"resets({events}[5m])") == 0
        metadata = await server.get("/api/v1/metadata", metric="redshank_request_duration_seconds")
        assert metadata["data"]["redshank_request_duration_seconds"][0]["type"] == "histogram"


@pytest.mark.slow
async def test_where_anybody_may_register_there_are_no_series(tmp_path: Path) -> None:
    settings = {**SETTINGS, "web": {"registration": True}}
    async with redshank_server(tmp_path / "data", settings) as server:
        project = (await server.post("/v1/projects", {"name": "Shop"}))["projectKey"]
        events = [{"eventName": "open", "anonymousId": "a"}]
        await server.post("/v1/events/batch", {"projectKey": project, "events": events})
        # The server's own metrics are scraped after the time of the first record.
        await until(lambda: value(server, "min_over_time(up[5s]) == 1"), "scrapes of itself")
        assert await server.query("redshank_events_total") == []
