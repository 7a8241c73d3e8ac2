from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from promql.api import EvaluationError
from storage.api.marks.annotations import NewAnnotation
from tests.promql.scripted_engine import Script, ScriptedEngine
from tests.web.service_doubles import NOW_MS, target_status, vector
from tests.web.world import World, world_at
from web.hosts.inventory import MOST_CONTAINERS, read_inventory

WEB = {"id": "/system.slice/docker-1", "name": "web", "image": "nginx"}


def engine() -> ScriptedEngine:
    gauges = {
        Labels.of(WEB, __name__="container_memory_rss"): 5e6,
        Labels.of(WEB, __name__="container_restarts_total"): 3.0,
        Labels.of(__name__="container_memory_rss", id="/"): 9e9,
        Labels.of(__name__="container_memory_rss", id="/b"): 7e6,
    }
    failed = {Labels.of(name=name): 1.0 for name in ("z.service", "a.mount")}
    answers: dict[str, Script] = {
        'state="failed"': vector(failed),
        "container_cpu_usage": vector({Labels.of(WEB): 0.25}),
        "container_memory_rss|": vector(gauges),
    }
    return ScriptedEngine(answers=answers, by_part=True)


async def test_containers_and_failed_units_of_a_host() -> None:
    found = await read_inventory(engine(), 'a"b:9100', 15.0, NOW_MS)
    assert found.failed_units == ("a.mount", "z.service")
    assert [each.name for each in found.containers] == ["/b", "web"]
    web = found.containers[1]
    assert (web.image, web.cpu_cores, web.restarts, web.processes) == ("nginx", 0.25, 3.0, None)
    assert found.containers[0].cpu_cores is None


async def test_many_containers_are_cut_and_counted() -> None:
    many = {
        Labels.of(__name__="container_memory_rss", name=f"c{number}"): float(number)
        for number in range(MOST_CONTAINERS + 5)
    }
    scripted = ScriptedEngine(answers={"container_memory_rss|": vector(many)}, by_part=True)
    found = await read_inventory(scripted, "a:9100", 15.0, NOW_MS)
    assert (len(found.containers), found.left_out) == (MOST_CONTAINERS, 5)


async def test_failed_query_leaves_the_rest() -> None:
    scripted = engine()
    scripted.answers["container_memory_rss|"] = EvaluationError("broken")
    found = await read_inventory(scripted, "a:9100", 15.0, NOW_MS)
    assert found.containers == ()
    assert found.failed_units


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("web-1", "a:9100"))
        yield world


async def test_page_shows_containers_units_and_events_as_text(world: World) -> None:
    hostile = Labels.of(__name__="container_memory_rss", name="<script>1</script>")
    world.engine.answers = {
        'state="failed"': vector({Labels.of(name="<b>.service"): 1.0}),
        "container_memory_rss|": vector({hostile: 1.0}),
    }
    note = NewAnnotation(NOW_MS - 1000, NOW_MS - 1000, "<i>deploy", instance="a:9100")
    await world.services.annotations.add(note, NOW_MS)
    text = await world.page("/host/a:9100")
    for shown in ("&lt;script&gt;1", "&lt;b&gt;.service", "&lt;i&gt;deploy"):
        assert shown in text
    assert "<script>1" not in text


async def test_host_without_them_has_no_such_sections(world: World) -> None:
    text = await world.page("/host/a:9100")
    for section in ("units", "containers", "host-events"):
        assert f'<section id="{section}" class="inventory" data-region hidden' in text
