"""Clients that hold connections neither keep others out nor make a target look dead."""

import asyncio
import resource
from pathlib import Path

import aiohttp
import pytest

from tests.system.processes import redshank_exporter, redshank_server, until

pytestmark = pytest.mark.slow

_DESCRIPTORS = 300


async def test_400_idle_connections_with_300_descriptors_change_nothing(tmp_path: Path) -> None:
    async with redshank_exporter() as (_, instance):
        job = {"name": "node", "targets": [instance]}
        settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": [job]}}
        limit = ("prlimit", f"--nofile={_DESCRIPTORS}:{_DESCRIPTORS}")
        async with redshank_server(tmp_path / "data", settings, under=limit) as server:
            assert resource.prlimit(server.process.process.pid, resource.RLIMIT_NOFILE) == (
                _DESCRIPTORS,
                _DESCRIPTORS,
            )
            await until(lambda: server.query('up{job="node"} == 1'), "the first scrape")
            host, port = server.url.removeprefix("http://").split(":")
            idle = [await asyncio.open_connection(host, int(port)) for _ in range(400)]
            try:
                for _ in range(5):
                    async with (
                        aiohttp.ClientSession() as session,
                        session.get(server.url + "/health") as answer,
                    ):
                        assert answer.status == 200
                    await asyncio.sleep(1)
                counted = await server.query('count_over_time(up{job="node"}[5s])')
                assert int(counted[0]["value"][1]) >= 3
                assert await server.query('min_over_time(up{job="node"}[1m]) == 1')
                metrics = await (await server.session.get(server.url + "/metrics")).text()
                refused = [
                    line
                    for line in metrics.splitlines()
                    if line.startswith("redshank_limit_refusals_total")
                    and ("connections" in line or "descriptors" in line)
                    and not line.endswith(" 0.0")
                ]
                assert refused
            finally:
                for _, writer in idle:
                    writer.close()
