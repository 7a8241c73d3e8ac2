"""data-monitoring-tool: every documented request and page, by real curl."""

from pathlib import Path
from typing import Any

import pytest

from tests.replaces.documented import Answer, run_curl
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = pytest.mark.usefixtures("curl")

ADDRESS, KEY = "http://192.168.1.35:5005", "unique-host-key"
HEALTH = "curl http://server-ip:5005/health"
REPORT = r"""
curl -X POST http://192.168.1.35:5005/report \
  -H "Authorization: Bearer unique-host-key" \
  -H "Content-Type: application/json" \
  -d '{
  "host_key": "unique-host-key",
  "collected_at": "2024-01-15T10:30:00",
  "int_ip": "192.168.1.100",
  "kernel_name": "Linux",
  "kernel_version": "5.15.0",
  "cpu_pct": 15.5,
  "mem_used_mb": 4096,
  "mem_total_mb": 16384,
  "mem_pct": 25.0,
  "disk_used_gb": 125.5,
  "disk_total_gb": 500.0,
  "disk_pct": 25.1
}'
"""
AGENTS_KEY = "your-unique-host-key-here"


async def add_host(server: Server, name: str = "my-server-01", key: str = AGENTS_KEY) -> Any:
    return await server.post("/api/hosts", {"name": name, "push": True, "key": key}, 201)


async def report(server: Server, key: str = AGENTS_KEY, **fields: str) -> Answer:
    """Send the documented report with some of its text exchanged."""
    command = REPORT
    for written, other in fields.items():
        assert written in command
        command = command.replace(written, other)
    return await run_curl(command, {ADDRESS: server.url, KEY: key})


async def test_documented_requests_get_the_documented_answers(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        answer = await run_curl(HEALTH, {"http://server-ip:5005": server.url})
        assert answer.status == 200
        assert answer.json()["ok"] is True
        await add_host(server)
        first, second = await report(server), await report(server)
        assert (first.status, first.json()) == (200, {"ok": True, "data_id": 1})
        assert (second.status, second.json()) == (200, {"ok": True, "data_id": 2})

        async def shown_as_up() -> bool:
            hosts = (await server.get("/api/fleet"))["hosts"]
            return ("my-server-01", "up") in [(host["name"], host["state"]) for host in hosts]

        await until(shown_as_up, "the fleet to show the host as up")
        at = str(1705314600)
        for query, value in (
            ("node_memory_MemTotal_bytes", 16384 * 2**20),
            ("100 - 100 * node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", 25.0),
            ("100 - 100 * node_filesystem_avail_bytes / node_filesystem_size_bytes", 25.1),
        ):
            found = await server.get("/api/v1/query", query=query, time=at)
            (series,) = found["data"]["result"]
            assert float(series["value"][1]) == pytest.approx(value)
            assert series["metric"]["instance"] == "my-server-01"


async def test_bad_reports_are_refused_with_the_documented_status(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        host = await add_host(server)
        for written, other, field in (
            ('"cpu_pct": 15.5', '"cpu_pct": "much"', "cpu_pct"),
            ('"cpu_pct": 15.5', '"cpu_pct": 150', "cpu_pct"),
            ('"collected_at": "2024-01-15T10:30:00",', "", "collected_at"),
            ("2024-01-15", "1970-01-01", "collected_at"),
            ("2024-01-15", "2124-01-15", "collected_at"),
            ('"disk_pct": 25.1\n}', "", ""),
        ):
            answer = await report(server, **{written: other})
            assert answer.status == 400, other
            told = answer.json()
            assert told["error"]
            assert told.get("field", "") == field
        header = '-H "Authorization: Bearer unique-host-key"'
        assert (await report(server, **{header: ""})).status == 401
        for value in ("Bearer", "Bearer ", "Digest abc", ""):
            answer = await report(server, **{header: f'-H "Authorization: {value}"'})
            assert answer.status == 401, value
        other_key = '"host_key": "unique-host-key"'
        answer = await report(server, **{other_key: '"host_key": "another-host-key"'})
        assert answer.status == 401
        assert (await report(server, "a-key-that-nobody-has")).status == 403
        async with server.session.delete(f"{server.url}/api/hosts/{host['id']}/keys") as answer_:
            assert answer_.status == 204
        refused = await report(server)
        assert refused.status == 403
        assert refused.json()["field"] == "host_key"


async def test_removed_host_is_forbidden(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        host = await add_host(server)
        assert (await report(server)).status == 200
        async with server.session.delete(f"{server.url}/api/hosts/{host['id']}") as answer:
            assert answer.status == 204
        assert (await report(server)).status == 403


async def test_rotated_key_is_valid_beside_the_old_one(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        host = await add_host(server)
        path = f"/api/hosts/{host['id']}/keys"
        new = (await server.post(path, {"overlap_s": 3600}, 201))["key"]
        assert [(await report(server, key)).status for key in (new, AGENTS_KEY)] == [200, 200]
        newest = (await server.post(path, {"overlap_s": 0}, 201))["key"]
        statuses = [(await report(server, key)).status for key in (newest, new, AGENTS_KEY)]
        assert statuses == [200, 403, 403]


async def test_documented_pages_are_behind_the_login(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        host = await add_host(server)
        pages = ("/", "/dashboard", "/alerts", f"/host/{host['id']}", "/add-host")
        for page in pages:
            answer = await run_curl(f"curl {server.url}{page}", {})
            assert answer.status == 303
            assert answer.location.startswith(f"{server.url}/login")
        answer = await run_curl(f"curl {server.url}/login", {})
        assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
        cookies = tmp_path / "cookies"
        form = f"--data-urlencode username=admin --data-urlencode 'password={ADMIN_PASSWORD}'"
        answer = await run_curl(f"curl -c {cookies} {form} {server.url}/login", {})
        assert answer.status == 303
        for page in pages:
            answer = await run_curl(f"curl -b {cookies} {server.url}{page}", {})
            assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
        assert "my-server-01" in (await run_curl(f"curl -b {cookies} {server.url}/", {})).body
