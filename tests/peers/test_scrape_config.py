"""A prometheus.yml gives the same targets in Redshank and in Debian's Prometheus."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.ports import free_port
from tests.programs import program
from tests.system.processes import Server, redshank_server, running, until

pytestmark = pytest.mark.peer

CONFIGURATION = """
global:
  scrape_interval: 1m
  scrape_timeout: 5s
  external_labels: {site: home}
rule_files: [rules.yml]
scrape_configs:
  - job_name: plain
    static_configs:
      - targets: ['127.0.0.1:1', 'db-1.example:9100']
        labels: {env: prod, Version: '1.10', empty: ''}
  - job_name: rewritten
    scrape_interval: 90s
    scheme: https
    metrics_path: /federate
    params: {'match[]': ['{job="a"}', up], debug: ['yes']}
    file_sd_configs: [{files: ['targets/*.json', 'targets/*.yml'], refresh_interval: 1m}]
    relabel_configs:
      - {source_labels: [__meta_skip], regex: 'y.*', action: drop}
      - source_labels: [__address__]
        regex: '([^:]+):(\\d+)'
        target_label: instance
        replacement: $1/$2
      - {source_labels: [__address__, env], separator: '@', target_label: id, action: lowercase}
      - {source_labels: [id], target_label: shouted, action: uppercase}
      - {action: labelmap, regex: __meta_dc_(.+), replacement: dc_$1}
      - {source_labels: [__address__], modulus: 8, target_label: shard, action: hashmod}
      - {source_labels: [shard], regex: '[0-6]', action: keep}
      - {action: labeldrop, regex: 'tmp_.*'}
      - {source_labels: [__meta_filepath], regex: '.*/([^/]+)', target_label: file}
      - {source_labels: [env], regex: none, target_label: job, replacement: other}
      - {source_labels: [__meta_interval], regex: (.+), target_label: __scrape_interval__}
  - job_name: probes
    metrics_path: /probe
    params: {module: [http_2xx]}
    static_configs: [{targets: ['https://example.org/a?b=c', 'tcp://example.net:25']}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: '127.0.0.1:9115'}
  - job_name: pairs
    static_configs:
      - {targets: ['a:1'], labels: {one: x, two: x}}
      - {targets: ['b:1'], labels: {one: x, two: y}}
    relabel_configs: [{source_labels: [one], target_label: two, action: keepequal}]
  - job_name: nothing
    static_configs: [{targets: ['gone:1']}]
    relabel_configs: [{regex: '', action: keep, source_labels: [__address__]}]
"""
RULES = """
groups:
  - {name: g, interval: 30s, rules: [{record: a, expr: up}]}
  - {name: h, rules: [{alert: B, expr: up == 0, for: 1m}]}
"""


def write(folder: Path) -> Path:
    (folder / "targets").mkdir()
    hosts = [f"Host-{number}.example:{9000 + number}" for number in range(12)]
    groups = [
        {"targets": hosts, "labels": {"env": "Staging", "__meta_dc_rack": "r1", "tmp_x": "y"}},
        {"targets": ["none:1", "none:2"], "labels": {"env": "none", "__meta_interval": "2m"}},
        {"targets": ["skipped:1"], "labels": {"__meta_skip": "yes"}},
    ]
    (folder / "targets" / "a.json").write_text(json.dumps(groups))
    (folder / "targets" / "b.yml").write_text("- targets: [third:1]\n  labels: {env: 007}\n")
    (folder / "rules.yml").write_text(RULES)
    path = folder / "prometheus.yml"
    path.write_text(CONFIGURATION)
    return path


@asynccontextmanager
async def prometheus(configuration: Path, folder: Path) -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port()}"
    async with running(
        program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder}",
        f"--web.listen-address={address}",
    ) as process:
        await process.line("Server is ready to receive web requests")
        yield f"http://{address}"
        process.process.terminate()
        await process.process.wait()


async def fetch(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return (await response.json())["data"]


def active(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the properties of active targets that depend on the configuration."""
    keys = ("labels", "scrapePool", "scrapeUrl", "scrapeInterval", "scrapeTimeout")
    found = [{key: target[key] for key in keys} for target in data["activeTargets"]]
    # Redshank also scrapes its own metrics.
    return sorted(
        (target for target in found if target["scrapePool"] != "redshank"),
        key=lambda target: (target["scrapePool"], sorted(target["labels"].items())),
    )


def plain(data: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    """Return the discovered labels of the job without relabelling.

    Prometheus 2.42 changes discovered labels in place, so after relabelling it reports a
    mixture.
    """
    return sorted(
        sorted(target["discoveredLabels"].items())
        for target in data["activeTargets"]
        if target["scrapePool"] == "plain"
    )


def dropped(data: Mapping[str, Any]) -> list[str]:
    return sorted(each["discoveredLabels"]["__address__"] for each in data["droppedTargets"])


@pytest.mark.slow
async def test_same_file_gives_the_same_targets(tmp_path: Path) -> None:
    configuration = await asyncio.to_thread(write, tmp_path)
    flags = ("--scrape-config", str(configuration))
    async with (
        prometheus(configuration, tmp_path / "theirs") as their_url,
        redshank_server(tmp_path / "data", {}, "server", *flags) as server,
    ):
        theirs = await until(complete(their_url), "prometheus to find all targets")
        ours = (await server.get("/api/v1/targets"))["data"]
        assert active(ours) == active(theirs)
        assert plain(ours) == plain(theirs)
        assert {target["scrapePool"] for target in active(ours)} >= {"plain", "rewritten"}
        assert dropped(ours) == dropped(theirs)
        assert len(dropped(ours)) >= 3
        pools = (await server.get("/api/v1/scrape_pools"))["data"]["scrapePools"]
        their_pools = (await fetch(f"{their_url}/api/v1/scrape_pools"))["scrapePools"]
        assert sorted({*pools} - {"redshank"}) == sorted(their_pools)
        assert await rule_groups(server) == [
            (group["name"], group["interval"], len(group["rules"]))
            for group in (await fetch(f"{their_url}/api/v1/rules"))["groups"]
        ]
        await same_status_fields(server, their_url)


def complete(url: str) -> Any:
    async def condition() -> Any:
        data = await fetch(f"{url}/api/v1/targets")
        files = {target["labels"].get("file") for target in data["activeTargets"]}
        return data if {"a.json", "b.yml"} <= files else None

    return condition


async def rule_groups(server: Server) -> list[tuple[str, float, int]]:
    groups = (await server.get("/api/v1/rules"))["data"]["groups"]
    return [
        (group["name"], group["interval"], len(group["rules"])) for group in groups if group["file"]
    ]


async def same_status_fields(server: Server, their_url: str) -> None:
    """Check that Redshank's status has every field of Prometheus's, with the same type."""
    for path in ("buildinfo", "config", "runtimeinfo", "tsdb", "walreplay"):
        theirs = await fetch(f"{their_url}/api/v1/status/{path}")
        ours = (await server.get(f"/api/v1/status/{path}"))["data"]
        assert {key: type(value) for key, value in theirs.items()}.items() <= {
            key: type(value) for key, value in ours.items()
        }.items(), path
    flags = (await server.get("/api/v1/status/flags"))["data"]
    # A port that Prometheus does not have.
    del flags["ingest.otlp-grpc-listen"]
    assert flags.keys() <= (await fetch(f"{their_url}/api/v1/status/flags")).keys()


async def test_reported_configuration_is_valid_for_promtool(tmp_path: Path) -> None:
    configuration = await asyncio.to_thread(write, tmp_path)
    settings = {"scrape": {"config_file": str(configuration)}}
    async with redshank_server(tmp_path / "data", settings) as server:
        text = (await server.get("/api/v1/status/config"))["data"]["yaml"]
    reported = tmp_path / "reported.yml"
    await asyncio.to_thread(reported.write_text, text)
    async with running(program("promtool"), "check", "config", str(reported)) as promtool:
        async with asyncio.timeout(60):
            assert await promtool.process.wait() == 0, promtool.output
