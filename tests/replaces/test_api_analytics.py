"""api-analytics-service: a client from registration to the figures of its API, by real curl."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.replaces.documented import Answer, run_curl
from tests.system.processes import Server, redshank_server

pytestmark = pytest.mark.usefixtures("curl")

PASSWORD = "a long pass phrase 4"
SETTINGS = {"web": {"registration": True}}


class Client:
    """Sends requests as one user, or with a project's key."""

    def __init__(self, server: Server, headers: tuple[str, ...] = ()) -> None:
        self._server, self._headers = server, headers

    def with_header(self, header: str) -> "Client":
        return Client(self._server, (header,))

    async def send(self, method: str, path: str, body: Any = None) -> Answer:
        parts = [f"curl -X {method} '{self._server.url}{path}'"]
        parts += [f"-H '{header}'" for header in self._headers]
        if body is not None:
            parts.append(f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'")
        return await run_curl(" ".join(parts), {})


async def registered(server: Server, name: str) -> Client:
    form = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    client = Client(server)
    assert (await client.send("POST", "/api/v1/auth/register", form)).status == 201
    login = await client.send("POST", "/api/v1/auth/login", form)
    return client.with_header(f"Authorization: Bearer {login.json()['access_token']}")


async def test_requests_are_tracked_with_a_key_and_reported_to_members(tmp_path: Path) -> None:
    async with redshank_server(tmp_path, SETTINGS) as server:
        ann = await registered(server, "ann")
        project = (await ann.send("POST", "/api/v1/projects/", {"name": "Shop"})).json()
        assert (await ann.send("GET", "/api/v1/projects/")).json() == [project]
        base = f"/api/v1/projects/{project['project_key']}"
        issued = (await ann.send("POST", f"{base}/api-keys/", {"name": "server"})).json()
        application = ann.with_header(f"X-API-Key: {issued['api_key']}")
        await check_tracking(application)
        await check_figures(ann, base)
        await check_keys(ann, application, base, issued)
        await check_strangers(server, base)


async def check_tracking(application: Client) -> None:
    for status, took_ms in ((200, 10), (200, 30), (404, 5), (500, 900)):
        one: dict[str, Any] = {"method": "GET", "path": "/items/7", "route": "/items/{id}"}
        one |= {"status_code": status, "response_time_ms": took_ms}
        assert (await application.send("POST", "/api/v1/track", one)).status == 202
    bad = await application.send(
        "POST", "/api/v1/track", {"method": "GET", "path": "/", "response_time_ms": 1}
    )
    assert (bad.status, bad.json()["field"]) == (400, "status_code")
    good = {"method": "POST", "path": "/x", "status_code": 201, "response_time_ms": 1}
    batch = await application.send("POST", "/api/v1/track/batch", {"requests": [good, {}]})
    assert batch.json()["tracked"] == 1
    assert batch.json()["errors"] == [{"index": 1, "field": "method", "error": "is missing"}]


async def check_figures(ann: Client, base: str) -> None:
    summary = (await ann.send("GET", f"{base}/metrics/summary")).json()
    assert (summary["total_requests"], summary["error_rate"]) == (5, 0.4)
    assert summary["p50_response_time_ms"] == 10
    # Three of five are satisfied; an error of the client counts as served.
    assert summary["apdex"] == 0.8
    series = (await ann.send("GET", f"{base}/metrics/time-series?interval=day")).json()
    assert sum(point["requests"] for point in series["data"]) == 5
    routes = (await ann.send("GET", f"{base}/metrics/routes?order=errors")).json()
    assert (routes[0]["route"], routes[0]["server_errors"]) == ("/items/{id}", 1)
    log = (await ann.send("GET", f"{base}/metrics/requests?status=5xx")).json()
    assert [one["status_code"] for one in log["requests"]] == [500]


async def check_keys(ann: Client, application: Client, base: str, issued: dict[str, Any]) -> None:
    (listed,) = (await ann.send("GET", f"{base}/api-keys/")).json()
    assert issued["api_key"].startswith(listed["prefix"])
    assert "api_key" not in listed
    form = {"name": "next", "replaces": issued["id"], "overlap_s": 3600}
    assert (await ann.send("POST", f"{base}/api-keys/", form)).status == 201
    one = {"method": "GET", "path": "/", "status_code": 200, "response_time_ms": 1}
    assert (await application.send("POST", "/api/v1/track", one)).status == 202
    assert (await ann.send("DELETE", f"{base}/api-keys/?id={issued['id']}")).status == 204
    assert (await application.send("POST", "/api/v1/track", one)).status == 401


async def check_strangers(server: Server, base: str) -> None:
    eve = await registered(server, "eve")
    for path in ("", "/api-keys/", "/metrics/summary", "/metrics/requests"):
        assert (await eve.send("GET", base + path)).status == 404, path
    assert (await eve.send("GET", "/api/v1/projects/")).json() == []
    assert (await Client(server).send("GET", f"{base}/metrics/summary")).status == 401
