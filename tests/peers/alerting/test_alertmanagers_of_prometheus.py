"""Redshank and Prometheus send the same alerts to Alertmanager for the same rules and data."""

import asyncio
import datetime as dt
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.peers.alerting.switch import Switch, moment, running_switch
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


SENT_RULES = r"""
groups:
- name: of a switch
  interval: 1s
  labels: {group: "g"}
  rules:
  - record: switch:sum
    expr: sum by (job) (switch)
  - alert: Switched
    expr: switch{job="switch"} > 0
    labels: {severity: page, at: "{{ $value }} of {{ $labels.name }}"}
    annotations: {summary: "{{ $labels.name }} is at {{ $value | humanize }}", empty: ""}
  - alert: Waits
    expr: switch:sum{job="switch"} > 2 and on () vector(1) != 5
    for: 2s
  - alert: Lingers
    expr: count(switch{job="switch"} > 0)
    keep_firing_for: 2s
    annotations: {text: "{{ range query `switch:sum` }}{{ .Value }}{{ end }}"}
"""
_ENDS_AFTER = dt.timedelta(minutes=4)


def switch_file(directory: Path, switch: Switch) -> Path:
    """Write a prometheus.yml that scrapes a switch and sends alerts to it."""
    (directory / "rules.yml").write_text(SENT_RULES)
    document = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"region": "eu"},
        },
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {"job_name": "switch", "static_configs": [{"targets": ["switch.test:80"]}],
             "proxy_url": f"http://{switch.address}"}
        ],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [switch.address]}], "timeout": "30s"}]
        },
    }  # fmt: skip
    file = directory / "prometheus.yml"
    file.write_text(json.dumps(document))
    return file


async def recorded(switch: Switch) -> list[dict[str, Any]]:
    """Return the first report of each alert and of its end, without times.

    The times are checked: an alert that fires ends four minutes after it is sent, and one
    that has ended ends after it began and before it is reported.
    """
    names = {"Switched", "Waits", "Lingers"}
    seen: dict[str, dict[str, Any]] = {}

    async def complete(status: str, count: int) -> bool:
        for headers, alerts, now in switch.posts:
            assert headers["Content-Type"] == "application/json"
            for alert in alerts:
                if alert["labels"]["alertname"] not in names:
                    continue
                starts, ends = moment(alert["startsAt"]), moment(alert["endsAt"])
                state = "firing" if ends > now else "resolved"
                key = json.dumps([state, alert["labels"]], sort_keys=True)
                if key in seen:
                    continue
                seen[key] = {"state": state} | alert
                del seen[key]["startsAt"], seen[key]["endsAt"]
                if state == "firing":
                    # Prometheus adds to the time of the evaluation, Redshank to that of sending.
                    assert starts + _ENDS_AFTER <= ends <= now + _ENDS_AFTER
                else:
                    assert starts < ends
        count_now = len([each for each in seen.values() if each["state"] == status])
        return count_now == count

    await until(lambda: complete("firing", 4), "the alerts")
    switch.value = 0
    await until(lambda: complete("resolved", 4), "their ends")
    for each in seen.values():
        each["generatorURL"] = each["generatorURL"].partition("/graph?")[2]
    return sorted(seen.values(), key=lambda each: json.dumps([each["state"], each["labels"]]))


@pytest.mark.timeout(600)
async def test_reports_to_alertmanager_are_those_of_prometheus(tmp_path: Path) -> None:
    skip_before_version("prometheus", (3, 5, 0))
    async with running_switch() as theirs, running_switch() as ours:
        for name in ("theirs", "ours"):
            (tmp_path / name).mkdir()
        file = await asyncio.to_thread(switch_file, tmp_path / "theirs", theirs)
        async with running(
            program("prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={tmp_path / 'theirs' / 'data'}",
            f"--web.listen-address=127.0.0.1:{free_port()}",
        ):
            expected = await recorded(theirs)
        file = await asyncio.to_thread(switch_file, tmp_path / "ours", ours)
        settings = {
            "scrape": {"config_file": str(file)},
            "alerting": {"start_delay": "0s", "evaluation_interval": "1s"},
        }
        async with redshank_server(tmp_path / "data", settings):
            assert await recorded(ours) == expected
    assert len(expected) == 8
