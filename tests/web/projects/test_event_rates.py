"""The limit of events and tracked requests a second, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName
from tests.web.projects.tenants import Tenant, add_tenant
from tests.web.world import World, world_at

EVENT = {"eventName": "open", "anonymousId": "a"}
TRACKED = {"method": "GET", "path": "/", "status_code": 200, "response_time_ms": 1}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def limited(world: World, per_second: int) -> Tenant:
    ann = await add_tenant(world, "ann")
    change = {"eventsPerSecond": per_second}
    answer = await world.client.patch(ann.api, json=change, headers=ann.token)
    assert (await answer.json())["eventsPerSecond"] == per_second
    return ann


def sent_by(tenant: Tenant) -> dict[str, tuple[str, Any, dict[str, str]]]:
    """Return one request of each kind that sends to a project."""
    key, header = tenant.project.key, {"X-API-Key": tenant.key.secret}
    segment = {"event": "open", "anonymousId": "a", "type": "track", "writeKey": key}
    posthog = {"event": "open", "distinct_id": "a", "api_key": key, "properties": {}}
    return {
        "batch": ("/v1/events/batch", {"projectKey": key, "events": [EVENT]}, {}),
        "posthog": ("/capture/", posthog, {}),
        "segment": ("/v1/track", segment, {}),
        "track": ("/api/v1/track", TRACKED, header),
        "track batch": ("/api/v1/track/batch", {"requests": [TRACKED]}, header),
    }


@pytest.mark.parametrize("kind", ["batch", "posthog", "segment", "track", "track batch"])
async def test_more_events_than_the_limit_are_answered_with_the_time_to_wait(
    world: World, kind: str
) -> None:
    ann = await limited(world, 1)
    path, body, headers = sent_by(ann)[kind]
    statuses = []
    for _ in range(12):
        answer = await world.client.post(path, json=body, headers=headers)
        statuses.append(answer.status)
        if answer.status == 429:
            assert answer.headers["Retry-After"] == "1"
            assert "more than 1 events a second" in await answer.text()
            break
    # Ten of a bucket of ten, and the one that goes beyond it.
    assert len(statuses) == 12
    assert statuses[-1] == 429
    assert set(statuses[:-1]) <= {200, 202}
    assert world.services.refusals.totals()[LimitName.PROJECT_EVENTS] == 1


@pytest.mark.parametrize("kind", ["batch", "track batch"])
async def test_batch_of_too_many_events_is_refused_whole(world: World, kind: str) -> None:
    ann = await add_tenant(world, "ann")
    path, body, headers = sent_by(ann)[kind]
    name = "requests" if "requests" in body else "events"
    answer = await world.client.post(path, json=body | {name: [{}] * 10_001}, headers=headers)
    assert (answer.status, (await answer.json())["field"]) == (400, name)
    assert world.services.refusals.totals()[LimitName.BATCH_EVENTS] == 1
    await world.client.post(path, json=body | {name: []}, headers=headers)
    assert world.services.refusals.totals()[LimitName.BATCH_EVENTS] == 1


async def test_a_limit_is_a_number_of_events(world: World) -> None:
    ann = await add_tenant(world, "ann")
    for wrong in (-1, 10_000_001, "many"):
        answer = await world.client.patch(
            ann.api, json={"eventsPerSecond": wrong}, headers=ann.token
        )
        assert (answer.status, (await answer.json())["field"]) == (400, "eventsPerSecond")
