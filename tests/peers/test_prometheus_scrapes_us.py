"""Debian's prometheus and promtool read our expositions without a complaint."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.programs import program
from tests.system.processes import (
    Server,
    redshank_exporter,
    redshank_server,
    running,
    until,
)

pytestmark = pytest.mark.peer


async def promtool_complaints(exposition: bytes) -> list[str]:
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


async def complaints_of_ours(exposition: bytes) -> set[str]:
    """Return promtool's complaints but for those about names that node_exporter chose.

    Its names in camel case and in bits are what dashboards ask for; newer versions than
    Debian's take more of the kernel's counters, named alike.
    """
    address = f"127.0.0.1:{free_port()}"
    async with running(
        program("prometheus-node-exporter"), f"--web.listen-address={address}"
    ) as peer:
        await peer.line(r"[Ll]istening on.*" + re.escape(address))
        theirs = (await fetch(f"http://{address}/metrics")).decode()
    names = re.findall(r"^# TYPE (\S+)", theirs, re.MULTILINE)
    chosen = {_beginning(name) for name in names}
    complaints = await promtool_complaints(exposition)
    return {line for line in complaints if _beginning(line.partition(" ")[0]) not in chosen}


def _beginning(name: str) -> tuple[str, ...]:
    return tuple(name.split("_")[:3])


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200
        return await response.read()


async def self_scraped(server: Server) -> None:
    async def seen() -> bool:
        return bool(await server.query("redshank_store_series > 0"))

    await until(seen, "the server to scrape itself")


async def test_prometheus_scrapes_exporter_and_server_without_a_warning(tmp_path: Path) -> None:
    async with (
        redshank_exporter() as (_, address),
        redshank_server(
            tmp_path / "data", {"scrape": {"interval": "1s", "timeout": "1s"}}
        ) as server,
    ):
        exporter_url = f"http://{address}"
        await self_scraped(server)
        assert await complaints_of_ours(await fetch(exporter_url + "/metrics")) == set()
        assert await promtool_complaints(await fetch(server.url + "/metrics")) == []

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
            complaints = [
                line for line in prometheus.lines if "level=warn" in line or "level=error" in line
            ]
            assert complaints == []
