"""The targets page and the discovery page."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.targets import Health, TargetStatus
from scraper.fetching.targets import DroppedTarget
from storage.api.hosts import NewHost
from tests.web.service_doubles import NOW_MS, target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def in_job(job: str, instance: str, health: Health = Health.UP) -> TargetStatus:
    status = target_status(instance=instance, health=health)
    return replace(status, target=replace(status.target, pool=job))


async def test_targets_are_grouped_by_job_and_narrowed_to_one(world: World) -> None:
    world.statuses += [in_job("web", "w:1", Health.DOWN), in_job("db", "d:1"), in_job("web", "w:2")]
    text = await world.page("/targets")
    assert text.index("<bdi>db</bdi></a>") < text.index("<bdi>web</bdi></a>")
    assert "1 of 2 up" in text
    assert "1 of 1 up" in text
    assert "11 s" in text  # until the next scrape
    text = await world.page("/targets?job=web&health=down")
    assert "w:1/metrics" in text
    assert "w:2/metrics" not in text
    assert "d:1/metrics" not in text
    assert 'href="/targets?health=down"' in text  # the way back to every job


async def test_pushing_host_is_under_targets(world: World) -> None:
    await world.services.hosts.add(NewHost("laptop", ""), NOW_MS)
    await world.services.pushes.hosts.refresh()
    text = await world.page("/targets")
    assert '<bdi>laptop</bdi> <span class="faint">pushes reports</span>' in text
    assert "instance=laptop" in text


async def test_device_is_listed_with_its_last_message(world: World) -> None:
    message = {
        "message_id": "m-1",
        "device_id": "sensor-7",
        "source": "local",
        "timestamp": NOW_MS // 1000,
        "metrics": [{"metric_name": "temperature", "metric_value": 21.5}],
    }
    answer = await world.client.post("/api/metrics", json=message, headers=await world.bearer())
    assert answer.status < 300, await answer.text()
    world.now[0] += 5_000
    text = await world.page("/targets")
    assert "><bdi>sensor-7</bdi></a>" in text
    assert "No targets" not in text
    assert "sensor-7" not in await world.page("/targets?q=nothing")
    assert "sensor-7" not in await world.page("/targets?job=node")


async def test_discovery_shows_labels_around_relabelling_and_reasons(world: World) -> None:
    world.statuses.append(in_job("web", "w:1"))
    world.discovered.names = ["web"]
    world.discovered.dropped_targets = [
        DroppedTarget("web", Labels.of(__address__="old:1"), "relabel rule 2: drop [env]")
    ]
    world.discovered.refused_targets = [
        DroppedTarget("web", Labels.of(__address__="bad:1"), "&quot;ftp&quot; is no scheme")
    ]
    text = await world.page("/discovery")
    for expected in (
        "__address__=w:1",
        "instance=w:1",
        "__address__=old:1",
        "relabel rule 2: drop [env]",
        "<b>3</b> found",
        "Refused",
    ):
        assert expected in text
    text = await world.page("/discovery?show=dropped")
    assert "old:1" in text
    assert "w:1" not in text
    assert "No target matches" in await world.page("/discovery?q=nowhere")


async def test_discovery_of_thousands_shows_the_first_and_says_so(world: World) -> None:
    world.statuses += [in_job("web", f"w{number:04}:1") for number in range(400)]
    text = await world.page("/discovery")
    assert text.count("Scraped</span>") == 300
    assert "100 more match" in text


async def test_dropped_duplicates_are_shown_beside_the_target(world: World) -> None:
    world.statuses.append(replace(in_job("web", "w:1"), duplicates=3))
    assert "3 of its samples dropped: an earlier one has the same series" in await world.page(
        "/targets"
    )
