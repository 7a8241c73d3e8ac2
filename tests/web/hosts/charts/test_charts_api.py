import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.series import AlignedSeries, absent_matrix
from promql.api import Answer, EvaluationError
from tests.web.service_doubles import NOW_MS, target_status, vector
from tests.web.world import World, world_at
from web.hosts.charts.chart_definitions import CHARTS
from web.hosts.charts.chart_grid import RANGES, Grid

STEP_MS = 15_000
"""The interval of the host."""
START_MS = Grid.back_from(NOW_MS, RANGES["1h"], STEP_MS / 1000).start_ms


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("web-1", 'a"b:9100'))
        yield world


async def charts(world: World, query: str = "", status: int = 200) -> Any:
    url = world.client.make_url("/api/hosts") / 'a"b:9100' / "charts"
    answer = await world.client.session.get(
        url.with_query(query or None), headers=await world.bearer()
    )
    assert answer.status == status, await answer.text()
    return json.loads(await answer.text() or "null")


def at(columns: list[int], *rows: tuple[Labels, list[float]]) -> Answer:
    times = START_MS + STEP_MS * np.array(columns, dtype=np.int64)
    values = np.array([row for _, row in rows])
    return Answer(AlignedSeries.of_source([labels for labels, _ in rows], times, values))


async def test_lines_lie_on_one_grid_with_gaps(world: World) -> None:
    world.engine.answers["sum by (mode) (increase"] = at(
        [0, 2, 240],
        (Labels.of(mode="system"), [0.1, 0.2, 0.3]),
        (Labels.of(mode="user"), [1, 2, 3]),
    )
    answer = await charts(world)
    assert (answer["end_ms"] - answer["start_ms"], answer["step_ms"]) == (3_600_000, STEP_MS)
    assert [chart["key"] for chart in answer["charts"]] == ["cpu"]
    user, system = answer["charts"][0]["lines"]
    assert (user["name"], system["name"]) == ("user", "system")
    assert len(system["values"]) == 241
    assert system["values"][:4] == [0.1, None, 0.2, None]
    assert system["values"][-1] == 0.3


async def test_nothing_outside_of_the_grid_and_nothing_absent_is_drawn(world: World) -> None:
    values = absent_matrix(1, 3)
    values[0, 0] = np.inf
    series = AlignedSeries.of_source(
        [Labels.of(mountpoint="/")], np.array([START_MS, START_MS + STEP_MS, NOW_MS * 2]), values
    )
    world.engine.answers["node_filesystem"] = Answer(series)
    (chart,) = (await charts(world))["charts"]
    assert set(chart["lines"][0]["values"]) == {None}


async def test_broken_query_costs_only_its_chart(world: World) -> None:
    world.engine.answers["sum by (mode) (increase"] = EvaluationError("broken")
    world.engine.answers["node_load1{"] = at([0], (Labels(), [1.0]))
    answer = await charts(world)
    assert [chart["key"] for chart in answer["charts"]] == ["load"]


async def test_queries_select_a_host_with_any_name(world: World) -> None:
    await charts(world)
    ranged = [query for query, _, _, step_ms in world.engine.asked if step_ms]
    assert len(ranged) == sum(len(chart.lines) for chart in CHARTS)
    assert all('instance="a\\"b:9100"' in query for query in ranged)
    assert not any("HOST" in query or "WINDOW" in query for query in ranged)


async def test_only_what_is_new_is_sent_again(world: World) -> None:
    whole = await charts(world)
    assert await charts(world, f"since_ms={whole['end_ms']}", 204) is None
    world.now[0] += 2 * STEP_MS
    fresh = await charts(world, f"since_ms={whole['end_ms']}")
    assert (fresh["start_ms"], fresh["end_ms"]) == (
        whole["end_ms"],
        whole["end_ms"] + 2 * STEP_MS,
    )


async def test_part_picked_by_hand_is_as_fine_as_the_samples(world: World) -> None:
    part = f"start_ms={NOW_MS - 300_000}&end_ms={NOW_MS}"
    assert (await charts(world, part))["step_ms"] == 15_000
    fast = replace(world.statuses[0].target, interval_s=0.5)
    world.statuses[0] = replace(world.statuses[0], target=fast)
    world.now[0] += 1000
    assert (await charts(world, part))["step_ms"] == 1000


async def test_charts_say_what_time_they_average_over(world: World) -> None:
    line = at([0], (Labels.of(mode="user"), [0.1]))
    world.engine.answers = dict.fromkeys(("increase(", "rate(", "load"), line)
    found = {chart["key"]: chart["window_ms"] for chart in (await charts(world))["charts"]}
    assert found == {"cpu": 300_000, "load": None, "disk_io": 60_000, "network": 60_000}
    found = {
        chart["key"]: chart["window_ms"]
        for chart in (await charts(world, f"start_ms=1&end_ms={30 * 86_400_000}"))["charts"]
    }
    assert found["cpu"] == found["network"] == 14_400_000


async def test_long_range_of_a_new_host_shows_what_there_is(world: World) -> None:
    assert (await charts(world, "range=30d"))["step_ms"] == 15_000
    older_than_an_hour = "[5h] offset 1h)"
    world.engine.answers[older_than_an_hour] = vector({Labels(): 1.0})
    answer = await charts(world, "range=30d")
    assert (answer["step_ms"], answer["end_ms"] - answer["start_ms"]) == (60_000, 6 * 3_600_000)


@pytest.mark.parametrize(
    ("query", "field"),
    [("range=2h", "range"), ("start_ms=x", "start_ms"), ("start_ms=5&end_ms=4", "end_ms")],
)
async def test_unfit_range_is_refused(world: World, query: str, field: str) -> None:
    assert (await charts(world, query, 400))["field"] == field


@given(st.integers(0, 2**53), st.integers(10_000, 2**45))
def test_picked_grid_has_few_points_and_covers_the_part(start_ms: int, length_ms: int) -> None:
    grid = Grid.between(start_ms, start_ms + length_ms)
    assert grid.points <= 400
    assert grid.start_ms <= start_ms
    assert grid.end_ms + grid.step_ms > start_ms + length_ms


@given(st.integers(1, 2**50), st.sampled_from(sorted(RANGES)))
def test_grid_moves_on_in_whole_steps(now_ms: int, name: str) -> None:
    grid = Grid.back_from(now_ms, RANGES[name])
    later = Grid.back_from(now_ms + 12_345, RANGES[name])
    assert (later.start_ms - grid.start_ms) % grid.step_ms == 0
    fresh = later.since(grid.end_ms)
    assert fresh is None or fresh.start_ms == grid.end_ms
