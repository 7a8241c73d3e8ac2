"""Acknowledgements with a comment, an end, and until the next change."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.alerts import AlertState
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def send(
    world: World, method: str, alert_id: int, body: Any = None, status: int = 200
) -> Any:
    headers = await world.bearer(Role.EDITOR)
    path = f"/api/alerts/{alert_id}/acknowledge"
    answer = await world.client.request(method, path, json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_terms_are_stored_shown_and_ended(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    terms = {"comment": "new disk", "duration_s": 7200, "sticky": False}
    found = await send(world, "POST", stored.id, terms)
    assert found["acknowledged_by"] == "the-editor"
    assert found["acknowledged_until_ms"] == NOW_MS + 7_200_000
    assert (found["acknowledged_sticky"], found["acknowledged_comment"]) == (False, "new disk")
    text = await world.page(f"/alerts/{stored.id}")
    assert "or until its state changes: new disk" in text
    assert "End the acknowledgement" in text
    freed = await send(world, "DELETE", stored.id)
    assert (freed["acknowledged_by"], freed["acknowledged_until_ms"]) == (None, None)
    assert "Acknowledgement ended" in await world.page(f"/alerts/{stored.id}")


async def test_acknowledgement_without_terms_outlives_a_change(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    await send(world, "POST", stored.id)
    no_data = replace(stored, state=AlertState.NO_DATA)
    after = await world.alerting.put(no_data, before=AlertState.FIRING)
    assert after.acknowledged_by == "the-editor"


async def test_one_until_the_next_change_ends_with_it(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    await send(world, "POST", stored.id, {"sticky": False})
    no_data = replace(stored, state=AlertState.NO_DATA)
    after = await world.alerting.put(no_data, before=AlertState.FIRING)
    assert after.acknowledged_by is None


@pytest.mark.parametrize("body", [{"duration_s": 0}, {"duration_s": "x"}, {"until": 5}])
async def test_invalid_terms_are_refused(world: World, body: dict[str, Any]) -> None:
    stored = await world.alerting.put(an_alert())
    await send(world, "POST", stored.id, body, 400)


async def test_form_on_the_page_takes_the_terms(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    headers = await world.cookie(Role.EDITOR)
    path, fields = f"/alerts/{stored.id}/acknowledge", {"duration": "1h", "comment": "on it"}
    refused = await world.client.post(path, data={"duration": "soon"}, headers=headers)
    assert refused.status == 400
    await world.client.post(path, data=fields, headers=headers)
    [alert] = (item.alert for item in world.alerting.open_alerts())
    assert (alert.acknowledged_comment, alert.acknowledged_sticky) == ("on it", True)
    assert alert.acknowledged_until_ms == NOW_MS + 3_600_000
