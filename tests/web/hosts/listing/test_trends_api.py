from pathlib import Path
from typing import Any

import numpy as np
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import ABSENT, AlignedSeries
from promql.api import Answer, EvaluationError
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at

END_MS = NOW_MS // 120_000 * 120_000


async def trends(world: World) -> Any:
    answer = await world.client.get("/api/fleet/trends", headers=await world.bearer())
    assert answer.status == 200
    return await answer.json()


async def test_trend_is_in_whole_percent_with_gaps_and_shared_for_a_step(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        times = np.array([END_MS - 240_000, END_MS - 120_000, END_MS])
        values = np.array([[12.4, ABSENT, 99.6]])
        world.engine.answers["node_cpu_seconds_total"] = Answer(
            AlignedSeries.of_source([Labels.of(instance="a:9100")], times, values)
        )
        answer = await trends(world)
        assert answer["start_ms"] + 30 * answer["step_ms"] == END_MS
        assert answer["hosts"]["a:9100"][-3:] == [12, None, 100]
        assert answer["hosts"]["a:9100"][:28] == [None] * 28
        asked = len(world.engine.asked)
        await trends(world)
        assert len(world.engine.asked) == asked
        world.now[0] += 120_000
        await trends(world)
        assert len(world.engine.asked) > asked


async def test_failed_query_leaves_the_page_without_trends(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.engine.answers["node_cpu_seconds_total"] = EvaluationError("broken")
        assert (await trends(world))["hosts"] == {}
