"""Annotations on the charts of projects."""

import json
import re
from typing import Any

import pytest
from yarl import URL

from storage.api.marks.annotations import NewAnnotation
from tests.web.projects.tenants import Tenant, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

DAY_MS = 86_400_000
CHARTS = {
    "/trends?event=open&days=7": "trends-chart",
    "?days=7": "overview-chart",
    "/traffic?range=7d": "traffic-requests",
}
HOSTILE = "</script><img src=x onerror=alert(1)>"


async def mark(world: World, text: str, days: float, project: str = "", host: str = "") -> None:
    time_ms = NOW_MS - round(days * DAY_MS)
    new = NewAnnotation(time_ms, time_ms, text, instance=host, project=project, author="ann")
    await world.services.annotations.add(new, NOW_MS)


async def shop(world: World) -> Tenant:
    ann = await add_tenant(world, "ann")
    await send(world, ann, {"eventName": "open", "anonymousId": "a", "timestamp": NOW_MS - DAY_MS})
    request = {"method": "GET", "path": "/a", "status_code": 200, "response_time_ms": 5}
    headers = {"X-API-Key": ann.key.secret}
    await world.client.post("/api/v1/track", json=request, headers=headers)
    return ann


async def chart(world: World, tenant: Tenant, path: str) -> Any:
    answer = await world.client.get(tenant.pages + path, headers=tenant.session)
    assert answer.status == 200
    pattern = rf'<script type="application/json" id="{CHARTS[path]}">(.*?)</script>'
    found = re.search(pattern, await answer.text(), re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("path", CHARTS)
async def test_marks_of_a_project_and_of_the_server_are_on_its_charts(
    world: World, path: str
) -> None:
    ann = await shop(world)
    other = await add_tenant(world, "bob", "Other")
    await mark(world, "release 7", 2, ann.project.key)
    await mark(world, HOSTILE, 1)
    await mark(world, "of a host", 1, host="10.0.1.16:9100")
    await mark(world, "of others", 1, other.project.key)
    await mark(world, "long ago", 30, ann.project.key)
    data = await chart(world, ann, path)
    assert [each["text"] for each in data["marks"]] == ["release 7", HOSTILE]
    assert data["marks"][0]["time"] == NOW_MS - 2 * DAY_MS
    # Each bucket lies between two edges, and the mark in one of them.
    assert len(data["edges"]) == len(data["labels"]) + 1
    assert data["edges"][0] <= data["marks"][0]["time"] < data["edges"][-1]


async def test_share_link_shows_no_marks(world: World) -> None:
    ann = await shop(world)
    await mark(world, "release 7", 2, ann.project.key)
    definition = {"events": ["open"], "days": 7, "interval": "day"}
    body = {"kind": "trends", "definition": definition, "title": "x"}
    answer = await world.client.post(f"{ann.api}/shares", json=body, headers=ann.token)
    assert answer.status == 201
    shared = await world.client.get(URL((await answer.json())["url"]).path)
    text = await shared.text()
    assert "trends-chart" in text
    assert "release 7" not in text
