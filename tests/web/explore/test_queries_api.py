"""The queries that a user ran and saved."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def send(
    world: World, method: str, path: str = "", body: Any = None, role: Role = Role.VIEWER
) -> tuple[int, Any]:
    headers = await world.bearer(role)
    answer = await world.client.request(method, f"/api/explore{path}", json=body, headers=headers)
    return answer.status, None if answer.status == 204 else await answer.json()


async def test_query_that_ran_is_in_the_history_of_its_user_only(world: World) -> None:
    hostile = 'up{a="<script>\u202e"}'
    for query in ("up", hostile, "up"):
        assert (await send(world, "POST", "/history", {"query": query}))[0] == 204
        world.now[0] += 1000
    _, found = await send(world, "GET")
    assert [(one["query"], one["runs"]) for one in found["history"]] == [("up", 2), (hostile, 1)]
    assert (await send(world, "GET", role=Role.ADMIN))[1]["history"] == []
    assert (await send(world, "DELETE", "/history"))[0] == 204
    assert (await send(world, "GET"))[1]["history"] == []


async def test_saved_query_is_listed_and_removed(world: World) -> None:
    body = {"name": "Down", "query": "up == 0"}
    status, saved = await send(world, "POST", "/saved", body)
    assert (status, saved["name"]) == (201, "Down")
    assert (await send(world, "GET"))[1]["saved"] == [saved]
    path = f"/saved/{saved['id']}"
    assert (await send(world, "DELETE", path, role=Role.ADMIN))[0] == 404
    assert (await send(world, "DELETE", path))[0] == 204
    assert (await send(world, "GET"))[1]["saved"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/history", {"query": ""}, "query"),
        ("/history", {"query": "x" * 20_001}, "query"),
        ("/saved", {"name": " ", "query": "up"}, "name"),
        ("/saved", {"query": "up"}, "name"),
    ],
)
async def test_invalid_field_is_named(world: World, path: str, body: Any, field: str) -> None:
    status, answer = await send(world, "POST", path, body)
    assert (status, answer["field"]) == (400, field)
