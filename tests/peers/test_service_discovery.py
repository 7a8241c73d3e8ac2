"""Service discovery finds the same targets with the same labels as Prometheus 3.5."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

from scraper.configuration.prometheus_config import load_prometheus_config
from scraper.discovery.manager import DiscoveryManager
from tests.patience import PATIENCE_S
from tests.peers.test_scrape_config import prometheus
from tests.programs import skip_before_version
from tests.scraper.discovery.api_server import ApiServer
from tests.scraper.discovery.clouds import ec2_answers
from tests.scraper.discovery.containers.sample_answers import ANSWERS
from tests.scraper.discovery.kubernetes.sample_objects import filled

pytestmark = pytest.mark.peer

Found = list[list[tuple[str, str]]]


@pytest.fixture(autouse=True)
def _recent_prometheus() -> None:
    skip_before_version("prometheus", (3, 5, 0))


class Docker(ApiServer):
    """A daemon whose paths have the version that the client has negotiated."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/_ping":
            return web.Response(text="OK", headers={"API-Version": "1.44"})
        path = re.sub(r"^/v1\.\d+", "", request.path)
        found = ANSWERS[path]
        if path == "/containers/json":
            # Prometheus does not end on containers that share each other's network.
            found = [each for each in found if each["Id"] not in ("id5", "id6")]
        return web.json_response(found)


class Aws(ApiServer):
    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = dict(parse_qsl((await request.read()).decode()))
        return web.Response(text=ec2_answers.answer(form), content_type="text/xml")


def write(folder: Path, sections: Mapping[str, tuple[str, str]]) -> Path:
    """Write a configuration that drops every target, so that nothing is scraped."""
    text = "scrape_configs:\n"
    for name, (kind, section) in sections.items():
        text += (
            f"- job_name: {name}\n"
            "  relabel_configs: [{source_labels: [job], regex: none, action: keep}]\n"
            f"  {kind}_sd_configs: [{section}]\n"
        )
    path = folder / "prometheus.yml"
    path.write_text(text)
    return path


async def ours(path: Path) -> dict[str, Found]:
    async def changed() -> None: ...

    found: dict[str, Found] = {}
    async with DiscoveryManager(changed) as discovery:
        discovery.apply(load_prometheus_config(path).jobs)
        async with asyncio.timeout(PATIENCE_S):
            await discovery.settled()
        for target in discovery.dropped():
            found.setdefault(target.pool, []).append(list(target.discovered))
    return {job: sorted(targets) for job, targets in found.items()}


async def theirs(url: str) -> dict[str, Found]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/api/v1/targets?state=dropped") as response,
    ):
        data: Any = json.loads(await response.text())["data"]
    found: dict[str, Found] = {}
    for target in data["droppedTargets"]:
        labels = sorted(pair for pair in target["discoveredLabels"].items() if pair[1])
        found.setdefault(target["scrapePool"], []).append(labels)
    return {job: sorted(targets) for job, targets in found.items()}


async def compare(folder: Path, sections: Mapping[str, tuple[str, str]]) -> None:
    """Check that both find the same targets."""
    path = await asyncio.to_thread(write, folder, sections)
    expected = await ours(path)
    assert expected.keys() == sections.keys()
    found: dict[str, Found] = {}
    async with prometheus(path, folder) as url:
        try:
            # Prometheus passes targets on at most every 5 s.
            async with asyncio.timeout(PATIENCE_S):
                while found != expected:
                    found = await theirs(url)
                    await asyncio.sleep(0.2)
        except TimeoutError:
            assert found == expected


async def test_kubernetes_objects_become_the_same_targets(tmp_path: Path) -> None:
    roles = ("node", "pod", "service", "endpoints", "endpointslice", "ingress")
    async with filled().serving() as url:
        sections = {
            f"{role}-{attach}": (
                "kubernetes",
                f"{{role: {role}, api_server: '{url}', attach_metadata: {{node: {attach}}}}}",
            )
            for role in roles
            for attach in ("false", "true")
        }
        await compare(tmp_path, sections)


async def test_containers_become_the_same_targets(tmp_path: Path) -> None:
    async with Docker({}).serving() as api:
        sections = {
            "first": ("docker", f"{{host: '{api.url}'}}"),
            "all": ("docker", f"{{host: '{api.url}', match_first_network: false, port: 9}}"),
        }
        for role in ("services", "tasks", "nodes"):
            sections[role] = ("dockerswarm", f"{{host: '{api.url}', role: {role}}}")
        await compare(tmp_path, sections)


async def test_instances_of_ec2_become_the_same_targets(tmp_path: Path) -> None:
    async with Aws({}).serving() as api:
        section = f"{{region: eu-west-1, endpoint: '{api.url}', access_key: a, secret_key: b}}"
        await compare(tmp_path, {"ec2": ("ec2", section)})
