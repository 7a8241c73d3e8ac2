from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import Answer, TooManySamplesError
from promql.engine import LocalEngine
from promql.syntax.parser import parse
from tests.web.service_doubles import NOW_MS, MemorySamples, target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("web-1", 'a"b:9100'))
        yield world


async def changes(world: World, query: str, status: int = 200) -> Any:
    url = world.client.make_url("/api/hosts") / 'a"b:9100' / "changes"
    answer = await world.client.session.get(url.with_query(query), headers=await world.bearer())
    body = await answer.json()
    assert answer.status == status, body
    return body


def samples() -> Answer:
    times = np.arange(NOW_MS - 4_500_000, NOW_MS + 1, 15_000)
    random = np.random.default_rng(5)
    after = times >= NOW_MS - 900_000
    own = {"instance": 'a"b:9100', "job": "node"}
    labels = [
        Labels.of(own, __name__="jump", device='<b>"x"', **{"odd.name": "1"}),
        Labels.of(own, __name__="calls_total"),
    ]
    rows = [
        random.normal(10, 1, len(times)) + after * 50,
        np.cumsum(random.normal(9, 1, len(times))),
    ]
    return Answer(AlignedSeries.of_source(labels, times, np.array(rows)))


async def test_changes_around_a_moment_are_ranked_with_their_query(world: World) -> None:
    world.engine.answers["[75m]"] = world.engine.answers["[1h15m]"] = samples()
    answer = await changes(world, f"time_ms={NOW_MS - 450_000}&window_ms=900000")
    assert answer["split_ms"] == NOW_MS - 900_000
    assert "Kolmogorov-Smirnov" in answer["statistic"]
    first, second = answer["changes"]
    assert first["series"] == 'jump{device="<b>\\"x\\"", odd.name="1"}'
    assert first["distance"] == 1.0
    assert first["share_of_chance"] < 0.01
    assert (second["is_rate"], second["share_of_chance"] > 0.05) == (True, True)
    for change in answer["changes"]:
        parse(change["query"])
        assert len(change["values"]) == 60
    assert second["query"].startswith("rate({")
    asked = [query for query, time_ms, _, _ in world.engine.asked if time_ms == NOW_MS]
    assert any('{instance="a\\"b:9100"}[' in query for query in asked)


async def test_host_with_too_many_samples_gets_an_error_with_a_hint(world: World) -> None:
    world.engine.answers["{instance="] = TooManySamplesError("too many samples")
    answer = await changes(world, f"time_ms={NOW_MS}", 400)
    assert answer["field"] == "window_ms"
    assert "choose a shorter window" in answer["error"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "time_ms"),
        ("time_ms=x", "time_ms"),
        ("time_ms=1&window_ms=5", "window_ms"),
        ("time_ms=1&limit=0", "limit"),
    ],
)
async def test_unfit_query_is_refused(world: World, query: str, field: str) -> None:
    assert (await changes(world, query, 400))["field"] == field


async def test_local_engine_answers_the_same_question(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    answer = samples()
    assert isinstance(answer.value, AlignedSeries)
    engine = LocalEngine(MemorySamples(list(answer.value.labels), [answer.value]))
    async with world_at(tmp_path, aiohttp_client, other_engine=engine) as world:
        world.statuses.append(target_status("web-1", 'a"b:9100'))
        found = await changes(world, f"time_ms={NOW_MS - 450_000}&window_ms=900000")
        assert [change["is_rate"] for change in found["changes"]] == [False, True]
        assert found["changes"][0]["distance"] == 1.0
        assert found["compared"] == 2
    await engine.close()
