"""A pushing host falls silent: its alert fires once, despite a restart, and resolves once."""

import time
from pathlib import Path

import pytest

from tests.system.processes import Server, redshank_server, until
from tests.system.test_command_line import run
from tests.system.test_host_down import Webhook, webhook

__all__ = ["webhook"]

KEY = "the-agents-own-key"


async def report(server: Server) -> None:
    body = {
        "collected_at": time.time(),
        "cpu_pct": 15.5,
        "mem_used_mb": 4096,
        "mem_total_mb": 16384,
        "disk_used_gb": 125.5,
        "disk_total_gb": 500.0,
    }
    headers = {"Authorization": f"Bearer {KEY}"}
    async with server.session.post(f"{server.url}/report", json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.slow
async def test_silent_host_fires_once_through_a_restart_and_resolves_once(
    tmp_path: Path,
    webhook: Webhook,
) -> None:
    settings = {
        "alerting": {
            "evaluation_interval": "1s",
            "checks": {"down": {"for": "2s"}},
            "receivers": [{"name": "hook", "type": "webhook", "url": webhook.url}],
        },
    }
    data = tmp_path / "data"
    async with redshank_server(data, settings) as server:
        status, told = await run(
            data, "host", "add", "nas", "--push", "--key", KEY, "--interval", "1s"
        )
        assert (status, KEY in told) == (0, True)
        await report(server)
        assert [each["value"][1] for each in await server.query("up{instance='nas'}")] == ["1"]

        async def fired() -> bool:
            return bool(webhook.statuses("HostDown"))

        await until(fired, "host down to fire")
        (host,) = (await server.get("/api/fleet"))["hosts"]
        assert (host["state"], host["pushes"]) == ("down", True)
        assert host["reason"].startswith("no report for")
        assert await server.process.stop() == 0
    async with redshank_server(data, settings) as server:

        async def down_again() -> bool:
            found = await server.query("up{instance='nas'} == 0 and timestamp(up) > time() - 2")
            return bool(found)

        await until(down_again, "the new process to notice the silence")
        assert webhook.statuses("HostDown") == ["firing"]

        async def resolved() -> bool:
            await report(server)
            return len(webhook.statuses("HostDown")) > 1

        await until(resolved, "the alert to resolve")
        # Read now: the host is silent again and its alert may fire while the commands run.
        assert webhook.statuses("HostDown") == ["firing", "resolved"]
        status, told = await run(data, "host", "key", "rotate", "nas", "--overlap", "1h")
        assert (status, told.startswith("host key (shown only now): ")) == (0, True)
        assert await run(data, "host", "key", "revoke", "nas") == (0, "revoked the keys of nas")
        assert await server.process.stop() == 0
