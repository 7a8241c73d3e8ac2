"""The store page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.targets import Health
from storage.api.sample_stats import MetricSize, StoreStats, WindowStats
from tests.web.service_doubles import NOW_MS
from tests.web.targets.test_pages import in_job
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_store_page_shows_the_largest_metrics(world: World) -> None:
    world.statuses += [in_job("web", "w:1"), in_job("web", "w:2", Health.DOWN)]
    world.samples.known = [Labels.of(__name__="x", cpu="0")]
    large, heavy = MetricSize("large_metric", 2000, 10), MetricSize("heavy_metric", 3, 5 * 2**20)
    world.samples.state = StoreStats(
        *(204_800, 400, 3, 5_000, 2**20, 3 * 2**20, 12_345_678, NOW_MS - 86_400_000, NOW_MS),
        windows=(WindowStats("2025-11-20.db", NOW_MS - 10**8, NOW_MS, 10 * 2**20, 20 * 2**20),),
        metrics=(large, heavy),
        heaviest=(heavy, large),
    )
    text = await world.page("/store")
    for expected in ("204,800", "12.3 M", "0.50", "10.0 MiB", "2025-11-20.db", "of 730d", "cpu=0"):
        assert expected in text
    assert ">34<small>samples" in text  # 507 every 15 s
    most_disk = text.index("take the most disk")
    assert text.index("heavy_metric", most_disk) < text.index("large_metric", most_disk)
