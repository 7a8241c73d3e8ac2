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
from web.hosts.charts.chart_definitions import BY_KEY, CHARTS
from web.hosts.charts.chart_grid import RANGES, Grid

STEP_MS = 15_000
"""The interval of the host."""
START_MS = Grid.back_from(NOW_MS, RANGES["1h"], STEP_MS / 1000).start_ms


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("web-1", 'a"b:9100'))
        has(world, *(name for chart in CHARTS for lines in chart.lines for name in lines.metrics))
        yield world


def has(world: World, *metrics: str) -> None:
    """Give the host these metrics."""
    world.samples.known = [
        Labels.of(__name__=name, instance='a"b:9100') for name in sorted(set(metrics))
    ]


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
    (chart,) = (await charts(world, "chart=disk_space"))["charts"]
    assert set(chart["lines"][0]["values"]) == {None}


async def test_broken_query_costs_only_its_chart(world: World) -> None:
    world.engine.answers["sum by (mode) (increase"] = EvaluationError("broken")
    world.engine.answers["node_load1{"] = at([0], (Labels(), [1.0]))
    answer = await charts(world)
    assert [chart["key"] for chart in answer["charts"]] == ["load"]


async def test_queries_select_a_host_with_any_name(world: World) -> None:
    await charts(world)
    ranged = [query for query, _, _, step_ms in world.engine.asked if step_ms]
    ranged = [query for query in ranged if "node_boot_time" not in query]
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
    chosen = "chart=cpu,load,disk_io,network"
    found = {chart["key"]: chart["window_ms"] for chart in (await charts(world, chosen))["charts"]}
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


async def sections(world: World, query: str = "") -> dict[str, list[str]]:
    url = world.client.make_url("/api/hosts") / 'a"b:9100' / "sections"
    answer = await world.client.session.get(
        url.with_query(query or None), headers=await world.bearer()
    )
    body = await answer.json()
    assert answer.status == 200, body
    return {each["title"]: [chart["key"] for chart in each["charts"]] for each in body["sections"]}


async def test_sections_are_those_of_the_hosts_metrics(world: World) -> None:
    has(world, "node_load1", "node_hwmon_temp_celsius", "room_celsius")
    assert await sections(world) == {
        "CPU": ["load"],
        "Sensors": ["temperature"],
        "Pushed metrics": ["metric:room_celsius"],
    }
    has(world)
    assert await sections(world, "range=7d") == {}


async def test_only_the_chosen_charts_are_read(world: World) -> None:
    line = at([0], (Labels.of(__name__="room_celsius", instance='a"b:9100', place="x"), [21.5]))
    world.engine.answers = {"room_celsius": line, "node_load1{": at([0], (Labels(), [1.0]))}
    answer = await charts(world, "chart=load,metric:room_celsius,nonsense")
    assert [chart["key"] for chart in answer["charts"]] == ["load", "metric:room_celsius"]
    assert answer["charts"][1]["lines"][0]["name"] == "x"
    ranged = [query for query, _, _, step_ms in world.engine.asked if step_ms]
    assert len(ranged) == len(BY_KEY["load"].lines) + 1 + 1


async def test_compared_values_are_those_of_a_day_earlier(world: World) -> None:
    labels = Labels()
    day_ms = 86_400_000

    async def ranged(
        query: str, start_ms: int, end_ms: int, step_ms: int, options: Any = None
    ) -> Answer:
        value = 2.0 if end_ms > NOW_MS - day_ms else 1.0
        times = np.array([start_ms, start_ms + step_ms])
        return Answer(AlignedSeries.of_source([labels], times, np.array([[value, value]])))

    world.engine.range = ranged  # type: ignore[method-assign]
    answer = await charts(world, "chart=load&compare=1d")
    line = answer["charts"][0]["lines"][0]
    assert line["values"][:3] == [2.0, 2.0, None]
    assert line["before"][:3] == [1.0, 1.0, None]
    assert len(line["before"]) == len(line["values"])
    assert (await charts(world, "chart=load"))["charts"][0]["lines"][0]["before"] is None
    assert (await charts(world, "compare=1y", 400))["field"] == "compare"


async def test_cores_are_in_order_of_their_numbers(world: World) -> None:
    cores = [(Labels.of(cpu=name), [0.1]) for name in ("10", "2", "0", "x1", "x")]
    world.engine.answers["sum by (cpu)"] = at([0], *cores)
    (chart,) = (await charts(world, "chart=cpu_cores"))["charts"]
    assert [line["name"] for line in chart["lines"]] == ["0", "2", "10", "x", "x1"]


async def test_name_of_a_line_shows_labels_as_they_are(world: World) -> None:
    world.engine.answers["node_hwmon_temp"] = at(
        [0], (Labels.of(chip="{sensor}", sensor="<b>"), [40.0])
    )
    (chart,) = (await charts(world, "chart=temperature"))["charts"]
    assert chart["lines"][0]["name"] == "{sensor} <b>"
