"""Prometheus and promtool accept Redshank's expositions without warnings."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.programs import node_exporter, program
from tests.system.processes import (
    Server,
    redshank_exporter,
    redshank_server,
    running,
    until,
)

pytestmark = pytest.mark.peer


async def promtool_warnings(exposition: bytes) -> list[str]:
    promtool = await asyncio.create_subprocess_exec(
        program("promtool"),
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await promtool.communicate(exposition)
    lines = output.decode().splitlines()
    assert (promtool.returncode == 0) == (not lines)
    return lines


async def own_warnings(exposition: bytes) -> set[str]:
    """Return promtool's warnings, except those about names of node_exporter.

    Dashboards need its names with camel case and bits. Other versions of it have further
    metrics with similar names, so names are compared by their first three words, and those
    from the kernel's meminfo by the first two.
    """
    address = f"127.0.0.1:{free_port()}"
    async with running(node_exporter(), f"--web.listen-address={address}") as peer:
        await peer.line(r"[Ll]istening on.*" + re.escape(address))
        theirs = (await fetch(f"http://{address}/metrics")).decode()
    names = re.findall(r"^# TYPE (\S+)", theirs, re.MULTILINE)
    of_node_exporter = {_first_words(name) for name in names}
    warnings = await promtool_warnings(exposition)
    return {
        line for line in warnings if _first_words(line.partition(" ")[0]) not in of_node_exporter
    }


def _first_words(name: str) -> tuple[str, ...]:
    return tuple(name.split("_")[: 2 if name.startswith("node_memory_") else 3])


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


async def self_scraped(server: Server) -> None:
    async def seen() -> bool:
        return bool(await server.query("redshank_store_series > 0"))

    await until(seen, "the server to scrape itself")


@pytest.mark.slow
async def test_prometheus_scrapes_exporter_and_server_without_a_warning(tmp_path: Path) -> None:
    async with (
        redshank_exporter() as (_, address),
        redshank_server(
            tmp_path / "data", {"scrape": {"interval": "1s", "timeout": "1s"}}
        ) as server,
    ):
        exporter_url = f"http://{address}"
        await self_scraped(server)
        assert await own_warnings(await fetch(exporter_url + "/metrics")) == set()
        assert await promtool_warnings(await fetch(server.url + "/metrics")) == []

        targets = [url.removeprefix("http://") for url in (exporter_url, server.url)]
        configuration = tmp_path / "prometheus.yml"
        job = {"job_name": "redshank", "static_configs": [{"targets": targets}]}
        configuration.write_text(
            json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})
        )
        url = f"127.0.0.1:{free_port()}"
        async with running(
            program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address={url}",
        ) as prometheus:

            async def scraped() -> Any:
                try:
                    answer = json.loads(await fetch(f"http://{url}/api/v1/targets"))
                except (aiohttp.ClientError, AssertionError):
                    return None
                active = answer["data"]["activeTargets"]
                done = active and all(target["health"] != "unknown" for target in active)
                return active if done else None

            active = await until(scraped, "prometheus to scrape both")
            assert [(target["health"], target["lastError"]) for target in active] == [
                ("up", "")
            ] * 2
            warnings = [
                line
                for line in prometheus.lines
                if re.search("level=(warn|error)", line, re.IGNORECASE)
            ]
            assert warnings == []
