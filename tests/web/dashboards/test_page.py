import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def page(world: World, path: str, role: Role = Role.VIEWER) -> str:
    answer = await world.client.get(path, headers=await world.bearer(role))
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def test_hostile_names_are_text_and_arrive_unchanged(world: World) -> None:
    panel = {"title": HOSTILE, "queries": [{"expr": HOSTILE, "legend": HOSTILE}]}
    body = {"uid": "evil", "dashboard": {"title": HOSTILE, "tags": [HOSTILE], "panels": [panel]}}
    editor = await world.bearer(Role.EDITOR)
    answer = await world.client.post("/api/dashboards", json=body, headers=editor)
    assert answer.status == 201, await answer.text()
    for path in ("/dashboards", "/dashboards/evil"):
        text = await page(world, path)
        assert "<script>alert" not in text
        assert "<img" not in text
    data = re.search(r'id="dashboard-data">(.*?)</script>', text)
    assert data is not None
    assert json.loads(data[1])["dashboard"]["panels"][0]["title"] == HOSTILE


async def test_search_finds_titles_and_tags(world: World) -> None:
    found = await page(world, "/dashboards?q=LINUX+node")
    assert 'href="/dashboards/node"' in found
    assert 'href="/dashboards/redshank"' not in found
    assert "No dashboard matches" in await page(world, "/dashboards?q=nothing-like-it")


async def test_only_editors_see_what_changes_dashboards(world: World) -> None:
    for path, mark in (("/dashboards", "New dashboard"), ("/dashboards/node", "Duplicate")):
        assert mark in await page(world, path, Role.EDITOR)
        assert mark not in await page(world, path)
    # A shipped dashboard is nobody's to change.
    assert 'id="edit"' not in await page(world, "/dashboards/node", Role.ADMIN)


async def test_form_makes_an_empty_dashboard_and_opens_it(world: World) -> None:
    editor = await world.bearer(Role.EDITOR)
    answer = await world.client.post(
        "/dashboards", data={"title": "Mine"}, headers=editor, allow_redirects=False
    )
    assert answer.status == 303
    assert re.fullmatch(r"/dashboards/[0-9a-f]{12}\?edit", answer.headers["Location"])
    answer = await world.client.post("/dashboards", data={"title": " "}, headers=editor)
    assert answer.status == 400
    assert "title-problem" in await answer.text()


async def test_address_of_grafana_leads_to_the_dashboard(world: World) -> None:
    viewer = await world.bearer(Role.VIEWER)
    for path in ("/d/node?var-job=a", "/d/node/some-name?var-job=a"):
        answer = await world.client.get(path, headers=viewer, allow_redirects=False)
        assert answer.headers["Location"] == "/dashboards/node?var-job=a", path
