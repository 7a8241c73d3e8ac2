"""The audit page names projects and dashboards, which its entries know by a key."""

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


async def post(world: World, path: str, body: Any) -> Any:
    headers = await world.bearer(Role.ADMIN)
    answer = await world.client.post(path, json=body, headers=headers)
    assert answer.status == 201, await answer.text()
    return await answer.json()


async def audit_page(world: World) -> str:
    answer = await world.client.get("/audit", headers=await world.bearer(Role.ADMIN))
    assert answer.status == 200
    return await answer.text()


async def test_projects_and_dashboards_have_their_names_beside_their_keys(world: World) -> None:
    made = await post(world, "/api/v1/projects/", {"name": "Web <shop>"})
    key = made["project_key"]
    await post(world, "/api/dashboards", {"uid": "tills", "dashboard": {"title": "All tills"}})
    text = await audit_page(world)
    assert f"<bdi>Web &lt;shop&gt;</bdi> <code>{key}</code>" in text
    assert "<bdi>All tills</bdi> <code>tills</code>" in text


async def test_removed_dashboard_is_known_by_its_key(world: World) -> None:
    await post(world, "/api/dashboards", {"uid": "tills", "dashboard": {"title": "All tills"}})
    headers = await world.bearer(Role.ADMIN)
    answer = await world.client.delete("/api/dashboards/tills", headers=headers)
    assert answer.status == 204
    text = await audit_page(world)
    assert "<bdi>tills</bdi>" in text
    assert "<bdi>All tills</bdi>" not in text


async def test_subject_of_another_kind_does_not_take_the_name_of_a_dashboard(world: World) -> None:
    await post(world, "/api/dashboards", {"uid": "maria", "dashboard": {"title": "All tills"}})
    password = "a-long-enough-password"
    user = {"name": "maria", "password": password, "role": "viewer"}
    await post(world, "/api/users", user)
    text = await audit_page(world)
    assert text.count("<bdi>All tills</bdi>") == 1
    assert "<bdi>maria</bdi>" in text
