"""Redshank and Prometheus send the same alerts to Alertmanager for the same rules and data."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.test_alertmanager import running_alertmanager
from tests.ports import free_port
from tests.programs import program, skip_before_version
from tests.system.processes import redshank_server, running, until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

RULES = r"""
groups:
- name: a group
  interval: 1s
  rules:
  - alert: Always
    expr: vector(3) > 1
    labels: {severity: page, team: "db{{ $value }}"}
    annotations: {summary: "value {{ $value }} of {{ $labels.alertname }}"}
  - alert: Named
    expr: label_replace(vector(1), "host", "a\"b c", "", "")
    annotations: {text: "{{ $labels.host }} {{ $externalLabels.region }}"}
  - alert: Dropped
    expr: vector(1)
    labels: {drop: "yes"}
  - alert: Pending
    expr: vector(1)
    for: 1d
"""
SILENT = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


def prometheus_file(directory: Path, alertmanager: str) -> Path:
    """Write rules and a prometheus.yml that sends alerts to an Alertmanager."""
    (directory / "rules.yml").write_text(RULES)
    (directory / "found.json").write_text(json.dumps([{"targets": [alertmanager]}]))
    document = {
        "global": {
            "evaluation_interval": "1s",
            "external_labels": {"region": "eu", "severity": "none"},
        },
        "rule_files": ["rules.yml"],
        "alerting": {
            "alert_relabel_configs": [
                {"source_labels": ["drop"], "regex": "yes", "action": "drop"},
                {"target_label": "cluster", "replacement": "c1"},
            ],
            "alertmanagers": [
                {
                    "file_sd_configs": [{"files": ["found.json"]}],
                    "relabel_configs": [
                        {"source_labels": ["__alerts_path__"], "target_label": "__tmp"},
                        {"target_label": "__alerts_path__", "replacement": "/api/v2/alerts"},
                    ],
                    "path_prefix": "/elsewhere",
                    "timeout": "30s",
                    "alert_relabel_configs": [{"action": "labeldrop", "regex": "team"}],
                }
            ],
        },
    }
    file = directory / "prometheus.yml"
    file.write_text(json.dumps(document))
    return file


async def alerts_of(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """Return what an Alertmanager knows: labels, annotations and the form of the link."""
    async with session.get(f"{url}/api/v2/alerts") as answer:
        found = await answer.json()
    shown = [
        {
            "labels": each["labels"],
            "annotations": each["annotations"],
            "generatorURL": each["generatorURL"].partition("/graph?")[2],
        }
        for each in found
        # Redshank's own checks may fire on a slow machine.
        if each["labels"]["alertname"] in ("Always", "Named", "Dropped", "Pending")
    ]
    return sorted(shown, key=json.dumps)


@pytest.mark.timeout(600)
async def test_alertmanager_gets_the_alerts_of_prometheus(tmp_path: Path) -> None:
    skip_before_version("prometheus", (3, 5, 0))
    for name in ("theirs", "ours", "data"):
        (tmp_path / name).mkdir()
    async with (
        running_alertmanager(tmp_path / "theirs", SILENT) as theirs,
        running_alertmanager(tmp_path / "ours", SILENT) as ours,
        aiohttp.ClientSession() as session,
    ):
        address = f"127.0.0.1:{free_port()}"
        file = prometheus_file(tmp_path / "theirs", theirs.removeprefix("http://"))
        async with running(
            program("prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={tmp_path / 'theirs' / 'data'}",
            f"--web.listen-address={address}",
        ):

            async def both() -> list[dict[str, Any]]:
                found = await alerts_of(session, theirs)
                return found if len(found) > 1 else []

            expected = await until(both, "Prometheus's alerts")
        file = prometheus_file(tmp_path / "ours", ours.removeprefix("http://"))
        settings = {
            "scrape": {"config_file": str(file)},
            "alerting": {"start_delay": "0s", "evaluation_interval": "1s"},
        }
        async with redshank_server(tmp_path / "data", settings) as server:

            async def enough() -> list[dict[str, Any]]:
                found = await alerts_of(session, ours)
                return found if len(found) >= len(expected) else []

            assert await until(enough, "our alerts") == expected
            listed = await server.get("/api/v1/alertmanagers")
            assert listed["data"]["activeAlertmanagers"] == [{"url": f"{ours}/api/v2/alerts"}]
            async with server.session.get(f"{server.url}/metrics") as answer:
                text = await answer.text()
            assert f'redshank_notifications_sent_total{{alertmanager="{ours}/' in text
    assert {each["labels"]["alertname"] for each in expected} == {"Always", "Named"}
