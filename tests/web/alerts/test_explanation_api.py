"""Explanations of alerts and label sets."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def get(world: World, path: str, status: int = 200, **query: str) -> Any:
    headers = await world.bearer(Role.VIEWER)
    answer = await world.client.get(f"/api/alerts/{path}", params=query, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_explanation_has_state_and_routes(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    found = await get(world, f"{stored.id}/explanation")
    assert found["alert_id"] == stored.id
    assert [each["reason"] for each in found["state"]] == ["firing"]
    [route] = found["routes"]
    assert (route["receiver"], route["is_held"]) == ("log", False)
    assert "at_once" in [each["reason"] for each in route["sentences"]]
    text = await world.page(f"/alerts/{stored.id}")
    assert "It fires since" in text
    assert "The route sends an alert at once when it fires." in text


async def test_pending_alert_is_not_sent_yet(world: World) -> None:
    stored = await world.alerting.put(an_alert(AlertState.PENDING))
    found = await get(world, f"{stored.id}/explanation")
    assert [each["reason"] for each in found["routes"][0]["sentences"]] == ["not_firing"]


async def test_unknown_alert_has_no_explanation(world: World) -> None:
    await get(world, "999/explanation", 404)


async def test_label_set_is_explained_without_an_alert(world: World) -> None:
    found = await get(world, "what-if", labels='{alertname="X", severity="critical"}')
    assert found["receivers"] == ["log"]
    assert found["labels"] == {"alertname": "X", "severity": "critical"}
    for labels in ('{alertname=~"X"}', "a b"):
        refused = await get(world, "what-if", 400, labels=labels)
        assert "labels" in str(refused)
