"""A host dies: its alert fires once and resolves once. With real processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.patience import PATIENCE_S
from tests.system.processes import redshank, redshank_exporter, redshank_server, until


class Webhook:
    """A receiver that keeps every message it gets."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        return web.Response()

    def statuses(self, alertname: str) -> list[str]:
        """Return the statuses of one alert in the order in which they arrived."""
        return [
            alert["status"]
            for message in self.messages
            for alert in message["alerts"]
            if alert["labels"]["alertname"] == alertname
        ]


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    receiver = Webhook()
    app = web.Application()
    app.router.add_post("/", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield receiver
    await runner.cleanup()


async def test_dead_host_fires_once_through_a_restart_and_resolves_once(
    tmp_path: Path, webhook: Webhook
) -> None:
    async with redshank_exporter() as (exporter, address):
        settings = {
            "scrape": {
                "interval": "1s",
                "timeout": "1s",
                "jobs": [{"name": "node", "hosts": True, "targets": [address]}],
            },
            "alerting": {
                "evaluation_interval": "1s",
                "checks": {"down": {"for": "2s"}},
                "receivers": [{"name": "hook", "type": "webhook", "url": webhook.url}],
            },
        }
        async with redshank_server(tmp_path / "data", settings) as server:

            async def alive() -> bool:
                result = await server.query("up{job='node'}")
                return bool(result) and result[0]["value"][1] == "1"

            await until(alive, "the host to be up")
            await exporter.kill()
            seen = []

            async def fired() -> bool:
                for alert in (await server.get("/api/alerts"))["alerts"]:
                    if alert["labels"]["alertname"] == "HostDown" and alert["state"] not in seen:
                        seen.append(alert["state"])
                return "firing" in seen and bool(webhook.messages)

            await until(fired, "host down to fire")
            assert seen == ["pending", "firing"]
            assert await server.process.stop() == 0

        async with redshank_server(tmp_path / "data", settings) as server:
            # In three scrapes and evaluations the new process could repeat a notification.
            async def scraped() -> bool:
                result = await server.query("count_over_time(up{job='node'}[4s])")
                return bool(result) and float(result[0]["value"][1]) >= 3

            await until(scraped, "scrapes after the restart")
            assert webhook.statuses("HostDown") == ["firing"]

            async with redshank_exporter(int(address.rpartition(":")[2])):

                async def resolved() -> bool:
                    return len(webhook.statuses("HostDown")) > 1

                await until(resolved, "the alert to resolve")
            assert await server.process.stop() == 0
    assert webhook.statuses("HostDown") == ["firing", "resolved"]


@pytest.mark.slow
async def test_killed_server_loses_at_most_the_last_second(tmp_path: Path) -> None:
    async with redshank_exporter() as (_, address):
        job = {"name": "node", "targets": [address]}
        settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": [job]}}
        async with redshank_server(tmp_path / "data", settings) as server:

            async def points() -> list[Any]:
                result = await server.query("node_time_seconds[1h]")
                values: list[Any] = result[0]["values"] if result else []
                return values if len(values) >= 6 else []

            before = await until(points, "six scrapes")
            await server.process.kill()
        async with redshank_server(tmp_path / "data", settings | {"scrape": {}}) as server:
            kept = (await server.query("node_time_seconds[1h]"))[0]["values"]
            last_s = before[-1][0]
            assert [point for point in before if point[0] < last_s - 1] == [
                point for point in kept if point[0] < last_s - 1
            ]
            assert await server.process.stop() == 0
        assert not [line for line in server.process.lines if "corrupt" in line or "repair" in line]


@pytest.mark.slow
async def test_two_servers_cannot_share_a_data_directory(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data"):
        arguments = ["--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
        async with redshank("server", *arguments) as second:
            async with asyncio.timeout(PATIENCE_S):
                assert await second.process.wait() == 1
    assert "another redshank server uses" in second.output


@pytest.mark.slow
async def test_error_about_a_port_in_use_says_what_to_do(tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "first") as server:
        listen = server.url.removeprefix("http://")
        arguments = ["--data-dir", str(tmp_path / "second"), "--listen", listen]
        async with redshank("server", *arguments) as second, asyncio.timeout(PATIENCE_S):
            assert await second.process.wait() == 1
    assert f"cannot listen on {listen}: Address already in use" in second.output
    assert "Traceback" not in second.output
