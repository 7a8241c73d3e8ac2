"""Applications report what they have served."""

from typing import Any

import pytest

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

DAY_MS = 86_400_000


def item(**changes: Any) -> dict[str, Any]:
    return {"method": "GET", "path": "/", "status_code": 200, "response_time_ms": 1} | changes


async def post(world: World, tenant: Tenant, body: Any) -> tuple[int, Any]:
    answer = await world.client.post(
        "/api/v1/track/batch", json=body, headers={"X-API-Key": tenant.key.secret}
    )
    return answer.status, await answer.json()


async def total(world: World, tenant: Tenant) -> int:
    query = {"from": "2000-01-01T00:00:00Z"}
    path = f"/api/v1/projects/{tenant.project.key}/metrics/summary"
    answer = await world.client.get(path, params=query, headers=tenant.token)
    return int((await answer.json())["total_requests"])


async def test_a_batch_whose_answer_was_lost_is_stored_once(world: World) -> None:
    ann, eve = await add_tenant(world, "ann"), await add_tenant(world, "eve")
    body = {"batch_id": "b-1", "requests": [item(), item(method="FETCH")]}
    first = await post(world, ann, body)
    assert first[0] == 202
    assert first[1]["tracked"] == 1
    assert await post(world, ann, body) == first
    assert await total(world, ann) == 1
    # Another project may have the same id.
    await post(world, eve, body)
    assert await total(world, eve) == 1


async def test_batches_without_an_id_are_all_stored(world: World) -> None:
    ann = await add_tenant(world, "ann")
    for _ in range(2):
        await post(world, ann, {"requests": [item()]})
    assert await total(world, ann) == 2


async def test_a_key_is_not_looked_for_among_the_tokens_of_users(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await add_tenant(world, "ann")

    async def credential(*_: Any) -> None:
        raise AssertionError("the database was read")

    monkeypatch.setattr(type(world.accounts), "credential", credential)
    answer = await world.client.post(
        "/api/v1/track", json=item(), headers={"X-API-Key": ann.key.secret}
    )
    assert answer.status == 202
    answer = await world.client.post("/api/v1/track", json=item(), headers=ann.token)
    assert answer.status == 401


async def test_an_invalid_batch_id_is_named(world: World) -> None:
    ann = await add_tenant(world, "ann")
    for batch_id in (7, "x" * 501, None):
        status, answer = await post(world, ann, {"batch_id": batch_id, "requests": [item()]})
        assert (status, answer["field"]) == (400, "batch_id")
    assert await total(world, ann) == 0


async def test_an_owner_deletes_old_requests(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.EDITOR)
    days = (0, 10, 89, 91, 200)
    items = [item(timestamp=NOW_MS - each * DAY_MS) for each in days]
    await post(world, ann, {"requests": items})
    path = f"/api/v1/projects/{ann.project.key}/metrics/cleanup"
    refused = await world.client.post(path, json={}, headers=bob.token)
    assert refused.status == 403
    answer = await world.client.post(path, json={}, headers=ann.token)
    assert await answer.json() == {"deleted": 2}
    answer = await world.client.post(path, json={"retention_days": 5}, headers=ann.token)
    assert await answer.json() == {"deleted": 2}
    assert await total(world, ann) == 1
