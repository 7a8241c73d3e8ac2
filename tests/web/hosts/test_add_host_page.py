"""The page that registers a host."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_form_adds_a_host_and_redirects_to_its_page(world: World) -> None:
    form = {"name": "db-1", "url": "10.0.0.7", "labels": "site=home\nrole = db", "interval_s": ""}
    answer = await world.client.post(
        "/add-host", data=form, headers=await world.cookie(Role.EDITOR), allow_redirects=False
    )
    assert answer.status == 303
    (host,) = await world.services.hosts.all()
    assert answer.headers["Location"] == f"/host/{host.id}"
    assert dict(host.labels) == {"site": "home", "role": "db"}
    assert "Waiting for the first scrape" in await world.page(f"/host/{host.id}")
    again = await world.client.post("/add-host", data=form, headers=await world.cookie())
    assert again.status == 409
    assert "another host has this name already" in await again.text()


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": "", "url": "a"}, "name"),
        ({"name": "a", "url": "ftp://a"}, "url"),
        ({"name": "a", "url": "a", "labels": "no equals sign"}, "labels"),
        ({"name": "a", "url": "a", "interval_s": "soon"}, "interval_s"),
    ],
)
async def test_form_marks_the_invalid_field_and_keeps_the_others(
    world: World, form: dict[str, str], field: str
) -> None:
    answer = await world.client.post("/add-host", data=form, headers=await world.cookie())
    text = await answer.text()
    assert answer.status == 400
    problem = re.search(r'id="hint-(\w+)"><span class="problem">', text)
    assert problem is not None
    assert problem[1] == field
    if field != "url":
        assert 'name="url" type="text" value="a"' in text
