"""The server reads a prometheus.yml, and follows changes of it and of its target files."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.processes import (
    Server,
    redshank,
    redshank_exporter,
    redshank_server,
    until,
)

PROMETHEUS = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s
  query_log_file: queries.log
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
    relabel_configs:
      - {source_labels: [env], regex: staging, action: drop}
      - {source_labels: [env], target_label: environment}
"""
RULES = """
groups:
  - name: g
    rules:
      - {record: hosts, expr: count(up)}
      - {alert: Always, expr: vector(1)}
"""
EAGER = {"alerting": {"start_delay": "0s"}}
SETTINGS = {"scrape": {"config_file": "prometheus.yml"}} | EAGER


async def write(path: Path, text: str) -> None:
    """Replace a file atomically: readers see the old text or the new one."""

    def replace() -> None:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.rename(path)

    await asyncio.to_thread(replace)


async def write_targets(folder: Path, *groups: tuple[str, str]) -> None:
    found = [{"targets": [address], "labels": {"env": env}} for address, env in groups]
    await write(folder / "targets.json", json.dumps(found))


async def scraped_targets(server: Server) -> list[dict[str, Any]]:
    active = (await server.get("/api/v1/targets"))["data"]["activeTargets"]
    return [target for target in active if target["labels"]["job"] != "redshank"]


def have(server: Server, *environments: str) -> Callable[[], Any]:
    async def condition() -> bool:
        targets = await scraped_targets(server)
        up = [target for target in targets if target["health"] == "up"]
        return sorted(target["labels"]["environment"] for target in up) == list(environments)

    return condition


@pytest.mark.slow
async def test_discovered_targets_follow_their_file(tmp_path: Path) -> None:
    await write(tmp_path / "prometheus.yml", PROMETHEUS)
    await write(tmp_path / "rules.yml", RULES)
    async with redshank_exporter() as (_, address):
        await write_targets(tmp_path, (address, "north"), (address, "staging"))
        file = str(tmp_path / "prometheus.yml")
        async with redshank_server(
            tmp_path / "data", EAGER, "server", "--scrape-config", file
        ) as server:
            await until(have(server, "north"), "the listed target to be scraped")
            data = (await server.get("/api/v1/targets", state="dropped"))["data"]
            assert data["droppedTargetCounts"]["node"] == 1
            assert data["droppedTargets"][0]["discoveredLabels"]["env"] == "staging"

            # The discovered target is a host.
            async def in_fleet() -> bool:
                fleet = (await server.get("/api/fleet"))["hosts"]
                return [host["state"] for host in fleet] == ["up"]

            await until(in_fleet, "the host to be in the fleet")

            async def recorded() -> bool:
                return bool(await server.query("hosts"))

            await until(recorded, "the rule to be recorded")
            await write_targets(tmp_path, (address, "north"), (address, "south"))
            await until(have(server, "north", "south"), "the new target to be scraped")
            assert await server.process.stop() == 0
    [line] = [line for line in server.process.lines if "configuration_without_effect" in line]
    assert f"{file}:6: query_log_file has no effect" in line


async def test_reload_applies_changes_and_keeps_the_rest_running(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await write(tmp_path / "prometheus.yml", PROMETHEUS)
    await write(tmp_path / "rules.yml", RULES)
    async with redshank_exporter() as (_, address), redshank_server(data, SETTINGS) as server:
        await write_targets(tmp_path, (address, "north"))

        async def first_scrape() -> Any:
            return [each for each in await scraped_targets(server) if each["health"] == "up"]

        await until(first_scrape, "the first scrape")

        async def fired() -> Any:
            alerts = (await server.get("/api/v1/alerts"))["data"]["alerts"]
            return [alert for alert in alerts if alert["labels"]["alertname"] == "Always"]

        (alert,) = await until(fired, "the alert to fire")

        # An invalid file changes nothing; the error names the line.
        await write(tmp_path / "rules.yml", RULES.replace("count(up)", "count(up"))
        async with server.session.post(server.url + "/-/reload") as answer:
            assert answer.status == 500
            assert "rules.yml:5: " in (await answer.json())["error"]
        assert "\nredshank_config_last_reload_successful 0.0\n" in await metrics(server)
        information = (await server.get("/api/v1/status/runtimeinfo"))["data"]
        assert not information["reloadConfigSuccess"]
        assert len((await server.get("/api/v1/rules"))["data"]["groups"]) == 3

        # A valid one, reloaded by signal: one more job and one more group.
        more = f"  - {{job_name: more, static_configs: [{{targets: ['{address}']}}]}}\n"
        await write(tmp_path / "prometheus.yml", PROMETHEUS + more)
        await write(tmp_path / "rules.yml", RULES + "  - {name: h}\n")
        server.process.process.send_signal(signal.SIGHUP)
        await server.process.line("configuration_reloaded")

        async def recorded() -> bool:
            (newest,) = (await server.get("/api/audit", limit="1"))["entries"]
            return (newest["actor"], newest["action"]) == ("SIGHUP", "configuration.reload")

        await until(recorded, "the reload in the audit log")

        async def joined() -> bool:
            found = await scraped_targets(server)
            return sorted(t["scrapePool"] for t in found if t["health"] == "up") == ["more", "node"]

        await until(joined, "the new job to be scraped")
        # The series of the other job did not end, and its alert is still the same.
        assert not await server.query("resets(up{job='node'}[1m]) > 0")
        assert [each["activeAt"] for each in await fired()] == [alert["activeAt"]]
        # The command line names the settings that need a restart.
        await write(tmp_path / "data.yml", json.dumps(SETTINGS | {"web": {"live_streams": 3}}))
        async with redshank("reload", environment={"REDSHANK_DATA_DIR": str(data)}) as process:
            async with asyncio.timeout(60):
                assert await process.process.wait() == 0
        assert process.lines[0] == "reloaded"
        assert "web.live_streams changed: restart the server" in process.output
        assert await server.process.stop() == 0


async def metrics(server: Server) -> str:
    async with server.session.get(server.url + "/metrics") as response:
        return await response.text()


async def test_server_does_not_start_on_a_bad_file(tmp_path: Path) -> None:
    await write(tmp_path / "prometheus.yml", "scrape_configs:\n  - job_nam: x\n")
    arguments = ["--scrape-config", str(tmp_path / "prometheus.yml"), "--data-dir", str(tmp_path)]
    async with redshank("server", *arguments, "--listen", "127.0.0.1:0") as process:
        async with asyncio.timeout(60):
            assert await process.process.wait() == 1
    assert f"Error: {tmp_path}/prometheus.yml:2: " in process.output
