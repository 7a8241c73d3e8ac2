"""The report on alerts, as page and as JSON."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_report_counts_by_rule_and_host(world: World) -> None:
    first = await world.alerting.put(an_alert())
    await world.alerting.put(an_alert(instance="b:9100"))
    await world.alerting.put(an_alert(AlertState.PENDING, name="Waits"))
    world.now[0] = NOW_MS + 60_000
    await world.alerting.acknowledge(first.id, "ann")
    await world.alerting.unacknowledge(first.id)
    ended = replace(first, state=AlertState.RESOLVED, resolved_ms=NOW_MS + 120_000)
    await world.alerting.put(ended, before=AlertState.FIRING)
    headers = await world.bearer(Role.VIEWER)
    answer = await world.client.get("/api/alerts/report?days=7", headers=headers)
    report = await answer.json()
    [rule] = report["rules"]
    assert (rule["name"], rule["fired"], rule["open"]) == ("HighCpu", 2, 1)
    assert (rule["mtta_s"], rule["mttr_s"]) == (60.0, 120.0)
    assert {each["name"] for each in report["hosts"]} == {"a:9100", "b:9100"}
    text = await world.page("/alert-report")
    assert "2 alerts fired, 1 acknowledged" in text
    assert await world.services.alerts.fired_since(NOW_MS + 1) == []
