"""`/federate`."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import ABSENT, STALE, AlignedSeries
from promql.engine import LocalEngine
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition
from tests.web.service_doubles import NOW_MS, MemorySamples
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    """Yield a world whose engine reads the series below."""
    values = np.array([[1.0, np.nan], [1.0, STALE], [2.5, ABSENT]])
    labels = [
        Labels.of(__name__="up", job='a"b\n'),
        Labels.of(__name__="up", job="gone"),
        Labels.of({"__name__": "höhe", "instance": "a:1", "le.vel": "1"}),
    ]
    times = np.array([NOW_MS - 2000, NOW_MS - 1000])
    samples = MemorySamples(labels, [AlignedSeries.of_source(labels, times, values)])
    engine = LocalEngine(samples)
    async with world_at(tmp_path, aiohttp_client, other_engine=engine) as world:
        yield world
    await engine.close()


async def test_federation_returns_the_latest_samples_of_active_series(world: World) -> None:
    answer = await world.client.get(
        '/federate?match[]=up&match[]={"höhe"}&match[]=other',
        headers={**await world.bearer(), "Accept": "text/plain;escaping=allow-utf-8"},
    )
    content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
    assert answer.headers["Content-Type"] == content_type
    text = await answer.text()
    assert text == (
        '# TYPE "höhe" untyped\n'
        f'{{"höhe",instance="a:1","le.vel"="1"}} 2.5 {NOW_MS - 2000}\n'
        "# TYPE up untyped\n"
        f'up{{job="a\\"b\\n",instance=""}} NaN {NOW_MS - 1000}\n'
    )
    parsed = parse_exposition(text.encode(), ExpositionFormat.TEXT)
    assert {dict(sample.pairs)["__name__"] for sample in parsed.samples} == {"höhe", "up"}
    nothing = await world.client.get("/federate", headers=await world.bearer())
    assert (nothing.status, await nothing.text()) == (200, "")
    refused = await world.client.get("/federate?match[]={}", headers=await world.bearer())
    assert refused.status == 400
    assert await refused.text() == "match[] must contain at least one non-empty matcher\n"


async def test_federation_escapes_names_by_default(world: World) -> None:
    answer = await world.client.get('/federate?match[]={"höhe"}', headers=await world.bearer())
    content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    assert answer.headers["Content-Type"] == content_type
    assert await answer.text() == (
        f'# TYPE h_he untyped\nh_he{{instance="a:1",le_vel="1"}} 2.5 {NOW_MS - 2000}\n'
    )
