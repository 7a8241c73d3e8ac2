"""Every curl command and every endpoint that the two replaced documents name is answered."""

import re
from pathlib import Path

import pytest

from tests.replaces.documented import run_curl
from tests.replaces.test_api_analytics import SETTINGS, Client, registered
from tests.replaces.test_apptracker import ADDRESS, KEY
from tests.system.processes import Server, redshank_server

pytestmark = [pytest.mark.usefixtures("curl"), pytest.mark.slow]

DOCUMENTS = Path(__file__).parents[3] / "shared" / "replaces"
ENDPOINT = re.compile(r"^- `(GET|POST) (/[^`]+)`", re.MULTILINE)
ROW = re.compile(r"^\|[^|]*\| `(/api/v1[^`]+)` +\| `([A-Z/]+)`", re.MULTILINE)


def document(name: str) -> str:
    path = DOCUMENTS / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    return path.read_text()


async def test_every_curl_command_of_apptracker_runs_as_written(tmp_path: Path) -> None:
    text = document("apptracker-backend.md")
    commands = [
        found
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        if (found := block.strip()).startswith("curl")
    ]
    assert len(commands) == text.count("curl ") == 7
    async with redshank_server(tmp_path, {"analytics": {"open_api": True}}) as server:
        key = ""
        for command in commands:
            exchanged = {ADDRESS: server.url} | ({KEY: key} if key else {})
            answer = await run_curl(command, exchanged)
            assert answer.status in (200, 201), command
            key = key or answer.json()["projectKey"]
        await check_endpoints(text, server, key)


async def check_endpoints(text: str, server: Server, key: str) -> None:
    endpoints = ENDPOINT.findall(text)
    assert len(endpoints) == 11
    for method, path in endpoints:
        # Without a body or parameters: refused with a reason, but never unknown.
        answer = await run_curl(f"curl -X {method} {ADDRESS}{path}", {ADDRESS: server.url})
        assert answer.status not in (404, 405, 500), path
    for path in ("/swagger", "/apispec.json"):
        assert (await run_curl(f"curl {ADDRESS}{path}", {ADDRESS: server.url})).status == 200


async def test_every_endpoint_of_api_analytics_is_answered(tmp_path: Path) -> None:
    rows = ROW.findall(document("api-analytics-service.md"))
    assert len(rows) == 7
    async with redshank_server(tmp_path, SETTINGS) as server:
        ann = await registered(server, "ann")
        project = (await ann.send("POST", "/api/v1/projects/", {"name": "Shop"})).json()
        for path, methods in rows:
            here = path.replace("{project-key}", project["project_key"])
            for method in methods.split("/"):
                answer = await ann.send(method, here)
                assert answer.status not in (404, 405, 500), (method, path)
        for path in ("/docs", "/redoc"):
            assert (await Client(server).send("GET", path)).status == 200, path
        health = (await Client(server).send("GET", "/health")).json()
        assert {"status", "database", "version"} <= health.keys()
