"""The webhook receiver posts the same body as Alertmanager for the same alert."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from alerting.receivers.webhook_body import NotificationStatus, webhook_body
from model.labels import Labels
from storage.api.alerts import Alert, AlertState
from tests.alerting.alerting_doubles import NOW_MS, running_webhook
from tests.patience import PATIENCE_S
from tests.programs import alertmanager

EXTERNAL_URL = "http://monitoring.example.org"
ALERT = Alert(
    id=1,
    rule="host/disk",
    labels=Labels.of(
        alertname="HostDiskFilling",
        instance="web-1:9100",
        mountpoint='/srv/"a\\b" é',
        severity="critical",
    ),
    annotations=Labels.of(summary="Disk of web-1 at 97 %", description="Above 95 %."),
    state=AlertState.RESOLVED,
    value=97.0,
    active_ms=NOW_MS - 60_000,
    changed_ms=NOW_MS + 90_000,
    fired_ms=NOW_MS + 120,
    resolved_ms=NOW_MS + 90_000,
)

pytestmark = pytest.mark.peer


@asynccontextmanager
async def running_alertmanager(directory: Path, text: str) -> AsyncIterator[str]:
    """Run Alertmanager with a configuration; yield its URL."""
    configuration = directory / "alertmanager.yml"
    configuration.write_text(text)
    process = await asyncio.create_subprocess_exec(
        alertmanager(),
        f"--config.file={configuration}",
        f"--storage.path={directory}",
        f"--web.external-url={EXTERNAL_URL}",
        "--web.listen-address=127.0.0.1:0",
        "--cluster.listen-address=",
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for line in process.stderr:
                listening = re.search(rb'msg="Listening on" address=(\S+)', line)
                if listening:
                    break
            else:
                pytest.fail("Alertmanager ended before it listened")
        drain = asyncio.create_task(process.stderr.read())
        yield f"http://{listening[1].decode()}"
        process.terminate()
        await drain
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def without_generator(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without `generatorURL`, which links to the program's own pages."""
    [alert] = body["alerts"]
    return body | {"alerts": [alert | {"generatorURL": ""}]}


async def test_body_equals_the_one_of_alertmanager(tmp_path: Path) -> None:
    def ours(status: NotificationStatus) -> dict[str, Any]:
        document = webhook_body(ALERT, status, "ops", "x > 95", EXTERNAL_URL)
        parsed: dict[str, Any] = json.loads(document.to_json())
        return parsed

    posted = {
        "labels": dict(ALERT.labels),
        "annotations": dict(ALERT.annotations),
        "startsAt": "2023-11-14T22:13:20.12Z",
    }
    async with (
        running_webhook() as webhook,
        running_alertmanager(
            tmp_path,
            f"""
            route: {{receiver: ops, group_by: ["..."], group_wait: 0s, group_interval: 1s}}
            receivers: [{{name: ops, webhook_configs: [{{url: "{webhook.url}"}}]}}]
            """,
        ) as url,
        aiohttp.ClientSession() as session,
    ):
        bodies = []
        for ends_at in ({}, {"endsAt": "2023-11-14T22:14:50Z"}):
            async with session.post(f"{url}/api/v2/alerts", json=[posted | ends_at]) as answer:
                assert answer.status == 200
            bodies.append(await webhook.next())
    for theirs, status in zip(bodies, NotificationStatus, strict=True):
        expected = ours(status)
        if "notification_reason" not in theirs:  # Alertmanager of Debian stable
            del expected["notification_reason"]
        assert without_generator(expected) == without_generator(theirs)
        assert list(expected) == list(theirs)
