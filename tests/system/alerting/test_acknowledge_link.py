"""A link in a notification acknowledges its alert; without one the next receiver is notified."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.alerting.alerting_doubles import running_webhook
from tests.system.processes import redshank_server, until

pytestmark = pytest.mark.slow

RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Worked, expr: vector(1), labels: {team: ops}}
  - {alert: Ignored, expr: vector(1), labels: {team: ops}}
"""


def settings_of(directory: Path, ops: str, lead: str) -> dict[str, Any]:
    """Write rules and routes, and return the settings of a server."""
    routes = {
        "route": {
            "receiver": "nobody",
            "routes": [
                {
                    "receiver": "ops",
                    "matchers": ['team="ops"'],
                    "group_by": ["alertname"],
                    "group_wait": "0s",
                    "group_interval": "1h",
                }
            ],
        },
        "receivers": [
            {"name": "nobody"},
            {"name": "ops", "webhook_configs": [{"url": ops}]},
            {"name": "lead", "webhook_configs": [{"url": lead}]},
        ],
    }
    (directory / "alertmanager.yml").write_text(json.dumps(routes))
    (directory / "rules.yml").write_text(RULES)
    return {
        "alerting": {
            "alertmanager_file": "alertmanager.yml",
            "rule_files": ["rules.yml"],
            "start_delay": "0s",
            "external_url": "http://redshank.test",
            "acknowledge_links": "1d",
            "escalations": [{"receiver": "ops", "after": "15s", "to": "lead"}],
        }
    }


async def test_link_acknowledges_and_the_other_alert_is_escalated(tmp_path: Path) -> None:
    async with running_webhook() as ops, running_webhook() as lead:
        settings = await asyncio.to_thread(settings_of, tmp_path, ops.url, lead.url)
        async with (
            redshank_server(tmp_path / "data", settings) as server,
            aiohttp.ClientSession() as stranger,
        ):
            links = {}
            for _ in range(2):
                body = await ops.next()
                url = body["commonAnnotations"]["acknowledge_url"]
                links[body["commonLabels"]["alertname"]] = url.removeprefix("http://redshank.test")
            for method, text in (("GET", "Acknowledge</button>"), ("POST", "ops (link)")):
                path = server.url + links["Worked"]
                async with stranger.request(method, path, data={"comment": "mine"}) as answer:
                    assert answer.status == 200
                    assert text in await answer.text()

            async def acknowledged() -> bool:
                found = await server.get("/api/alerts", state="acknowledged")
                return [each["acknowledged_by"] for each in found["alerts"]] == ["ops (link)"]

            await until(acknowledged, "the acknowledgement")
            # On a slow machine the first alert may be escalated before it is acknowledged.
            while (await lead.next())["commonLabels"]["alertname"] != "Ignored":
                pass
