"""The hosts page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.targets import Health
from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS, target_status, vector
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_request_for_json_gets_a_description_of_the_server(world: World) -> None:
    answer = await world.client.get("/", headers={"Accept": "application/json"})
    assert answer.status == 200
    assert (await answer.json())["name"] == "Redshank"
    answer = await world.client.get("/dashboard", headers={"Accept": "application/json"})
    assert answer.status == 401


async def test_empty_fleet_invites_to_add_a_host(world: World) -> None:
    text = await world.page("/")
    assert "No hosts yet" in text
    assert 'href="/add-host"' in text
    assert 'href="/add-host"' not in await world.page("/", role=Role.VIEWER)


async def test_fleet_shows_figures_with_their_units(world: World) -> None:
    world.statuses += [
        target_status("web-1", "a:9100"),
        target_status("db-1", "b:9100", Health.DOWN, "connection refused"),
        target_status("new-1", "c:9100", Health.UNKNOWN),
    ]
    a = Labels.of(instance="a:9100")
    world.engine.answers = {
        "increase(node_cpu_seconds_total": vector({a: 0.873}),
        "node_network_receive": vector({a: 1_234_567.0}),
        "node_boot_time": vector(
            {
                Labels.of(a, __name__="node_boot_time_seconds"): NOW_MS / 1000 - 3 * 86_400,
                Labels.of(a, __name__="node_load1"): 1.5,
            }
        ),
    }
    text = await world.page("/")
    assert "87<small>%</small>" in text
    assert 'data-level="warning"' in text
    assert "1.2 MB/s" in text
    assert "3 d" in text
    assert "1.50" in text
    assert "connection refused" in text
    assert "Waiting for the first scrape" in text
    assert "<b>1</b> down" in text


async def test_uptime_is_unknown_where_the_boot_time_is_not_set(world: World) -> None:
    world.statuses += [target_status("zero", "a:9100"), target_status("no-clock", "b:9100")]
    booted = {"a:9100": 0.0, "b:9100": 12.5}
    world.engine.answers["node_boot_time"] = vector(
        {
            Labels.of(instance=instance, __name__="node_boot_time_seconds"): time_s
            for instance, time_s in booted.items()
        }
    )
    text = await world.page("/")
    assert text.count('data-title="Uptime">\N{EN DASH}</td>') == 2


async def test_search_and_state_are_in_the_url(world: World) -> None:
    world.statuses += [target_status(name, f"{name}:9100") for name in ("web-1", "web-2", "db-1")]
    text = await world.page("/?q=web&sort=cpu&order=desc")
    assert 'value="web"' in text
    assert "db-1" not in text
    assert "2 of 3 hosts" in text
    assert "q=web&amp;sort=cpu&amp;order=asc" in text
    assert "No host matches" in await world.page("/?q=nothing")
