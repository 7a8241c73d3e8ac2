from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.projects import ProjectSettings
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at

PATH = "/api/annotations"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def add(world: World, role: Role = Role.EDITOR, status: int = 201, **fields: Any) -> Any:
    headers = await world.bearer(role)
    answer = await world.client.post(PATH, json={"text": "Release", **fields}, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def listed(world: World, role: Role = Role.VIEWER, **query: str) -> list[str]:
    answer = await world.client.get(PATH, params=query, headers=await world.bearer(role))
    assert answer.status == 200, await answer.text()
    return [one["text"] for one in await answer.json()]


async def test_annotation_without_a_time_is_of_now(world: World) -> None:
    added = await add(world, tags=["deploy"])
    assert (added["time"], added["timeEnd"], added["tags"]) == (NOW_MS, NOW_MS, ["deploy"])
    assert await listed(world) == ["Release"]
    assert await listed(world, tag="other") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": " "}, "text"),
        ({"time": -1}, "time"),
        ({"timeEnd": NOW_MS}, "timeEnd"),
        ({"time": NOW_MS, "timeEnd": NOW_MS - 1}, "timeEnd"),
        ({"tags": [""]}, "tags"),
    ],
)
async def test_invalid_field_is_named(world: World, fields: dict[str, Any], field: str) -> None:
    assert field in str(await add(world, status=400, **fields))


async def test_viewer_may_look_but_not_change(world: World) -> None:
    added = await add(world)
    await add(world, Role.VIEWER, status=403)
    viewer, editor = await world.bearer(Role.VIEWER), await world.bearer(Role.EDITOR)
    path = f"{PATH}/{added['id']}"
    assert (await world.client.delete(path, headers=viewer)).status == 403
    assert (await world.client.delete(path, headers=editor)).status == 204
    assert (await world.client.delete(path, headers=editor)).status == 404
    assert await listed(world) == []


async def test_unknown_host_is_refused(world: World) -> None:
    await add(world, status=404, host="nowhere")


async def test_annotations_of_a_project_are_its_members_only(world: World) -> None:
    analytics = world.services.analytics
    project = await analytics.projects.create(ProjectSettings("Shop"), None)
    await add(world, Role.ADMIN, project=project.key)
    assert await listed(world) == []
    assert await listed(world, Role.ADMIN, project=project.key) == ["Release"]
    # For others there is no such project, and no such annotation.
    await add(world, Role.EDITOR, status=404, project=project.key)
    editor = await world.bearer(Role.EDITOR)
    assert (
        await world.client.get(PATH, params={"project": project.key}, headers=editor)
    ).status == 404
    assert (await world.client.delete(f"{PATH}/1", headers=editor)).status == 404
    assert await listed(world, Role.ADMIN, project=project.key) == ["Release"]


async def test_changes_are_in_the_audit_log(world: World) -> None:
    added = await add(world)
    await world.client.delete(f"{PATH}/{added['id']}", headers=await world.bearer(Role.EDITOR))
    answer = await world.client.get("/api/audit", headers=await world.bearer(Role.ADMIN))
    actions = [entry["action"] for entry in (await answer.json())["entries"]]
    assert {"annotation.add", "annotation.remove"} <= set(actions)
