from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.ingest.pushes import KEY, a_host, a_report, report
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.ingest.models import ReportForm


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_report_without_optional_fields_is_accepted(world: World) -> None:
    await a_host(world)
    status, answer = await report(world, a_report(mem_pct=None, disk_pct=None))
    assert (status, answer) == (200, {"ok": True, "data_id": 1})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"collected_at": None}, "collected_at"),
        ({"collected_at": "yesterday"}, "collected_at"),
        ({"collected_at": "0001-01-01T00:00:00"}, "collected_at"),
        ({"collected_at": "9999-12-31T23:59:59.999999-12:00"}, "collected_at"),
        ({"cpu_pct": None}, "cpu_pct"),
        ({"cpu_pct": -1}, "cpu_pct"),
        ({"mem_total_mb": -1}, "mem_total_mb"),
        ({"mem_total_mb": 1e300}, "mem_total_mb"),
        ({"disk_pct": 101}, "disk_pct"),
        ({"int_ip": "x" * 300}, "int_ip"),
    ],
)
async def test_invalid_report_is_rejected_with_its_field(
    world: World, changes: dict[str, Any], field: str
) -> None:
    await a_host(world)
    status, answer = await report(world, a_report(**changes))
    assert (status, answer["field"]) == (400, field)


async def test_naive_time_is_utc(world: World) -> None:
    form = ReportForm(**a_report(collected_at="2024-01-15T10:30:00"))
    zoned = ReportForm(**a_report(collected_at="2024-01-15T12:30:00+02:00"))
    assert form.report().time_ms == zoned.report().time_ms == 1_705_314_600_000


async def test_use_of_a_key_is_recorded(world: World) -> None:
    await a_host(world)
    assert (await report(world, a_report()))[0] == 200
    (key,) = await world.services.pushes.keys.live(NOW_MS)
    assert key.last_used_ms == NOW_MS


async def test_no_secret_is_logged(world: World) -> None:
    await a_host(world)
    await report(world, a_report(host_key="another-key-than-the-header"))
    await report(world, a_report(), "a-key-of-nobody-at-all")
    logged = repr(world.logs)
    for secret in (KEY, "another-key-than-the-header", "a-key-of-nobody-at-all"):
        assert secret not in logged
