"""Prometheus federates from Redshank with the same labels, values and times."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.programs import program
from tests.system.processes import (
    redshank_exporter,
    redshank_server,
    running,
    until,
)

pytestmark = pytest.mark.peer

SELECTORS = ['{job="node"}', "up"]


async def answer(
    session: aiohttp.ClientSession, url: str, expression: str, time_s: float
) -> list[dict[str, Any]]:
    query = {"query": expression, "time": str(time_s)}
    async with session.get(url + "/api/v1/query", params=query) as response:
        assert response.status == 200, await response.text()
        found: list[dict[str, Any]] = (await response.json())["data"]["result"]
        return found


def samples(result: list[dict[str, Any]]) -> dict[str, dict[float, str]]:
    return {json.dumps(one["metric"], sort_keys=True): dict(one["values"]) for one in result}


@pytest.mark.slow
async def test_prometheus_federates_with_honored_labels_and_times(tmp_path: Path) -> None:
    async with redshank_exporter() as (_, target):
        job = {"name": "node", "targets": [target]}
        scrape = {"interval": "1s", "timeout": "1s", "jobs": [job]}
        async with redshank_server(tmp_path / "data", {"scrape": scrape}) as server:
            token = server.session.headers["Authorization"].removeprefix("Bearer ")
            federate = {
                "job_name": "federate",
                "honor_labels": True,
                "metrics_path": "/federate",
                "params": {"match[]": SELECTORS},
                "authorization": {"credentials": token},
                "static_configs": [{"targets": [server.url.removeprefix("http://")]}],
            }
            every = {"scrape_interval": "1s", "scrape_timeout": "1s"}
            file = tmp_path / "prometheus.yml"
            text = json.dumps({"global": every, "scrape_configs": [federate]})
            await asyncio.to_thread(file.write_text, text)
            address = f"127.0.0.1:{free_port()}"
            async with (
                running(
                    program("prometheus"),
                    f"--config.file={file}",
                    f"--storage.tsdb.path={tmp_path / 'prometheus'}",
                    f"--web.listen-address={address}",
                ) as prometheus,
                aiohttp.ClientSession() as session,
            ):
                await prometheus.line("Server is ready")
                url = f"http://{address}"

                async def federated() -> list[dict[str, Any]]:
                    expression = f'count_over_time(node_load1{{instance="{target}"}}[1m]) >= 4'
                    return await answer(session, url, expression, time.time())

                (found,) = await until(federated, "prometheus to federate four scrapes")
                time_s = found["value"][0]
                theirs = samples(await answer(session, url, '{job="node"}[1m]', time_s))
                ours = samples(await answer(server.session, server.url, '{job="node"}[1m]', time_s))
            # Every sample in prometheus is in Redshank under the same labels.
            assert len(theirs) > 300
            assert theirs.keys() <= ours.keys()
            for labels, values in theirs.items():
                assert values.items() <= ours[labels].items()
            warnings = [line for line in prometheus.lines if "level=warn" in line.lower()]
            assert warnings == []
