"""The alerts page."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.errors import DeliveryError
from storage.api.accounts import Role
from tests.web.alerting_double import an_alert
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def test_open_alert_is_acknowledged_on_its_page(world: World) -> None:
    stored = await world.alerting.put(an_alert(summary="No answer for 2 min"))
    text = await world.page("/alerts")
    assert "No answer for 2 min" in text
    assert f'action="/alerts/{stored.id}/acknowledge"' in text
    answer = await world.client.post(
        f"/alerts/{stored.id}/acknowledge",
        data={"next": "//evil.example"},
        headers=await world.cookie(Role.EDITOR),
        allow_redirects=False,
    )
    assert answer.headers["Location"] == "/"
    assert "the-editor" in await world.page("/alerts")
    assert "<b>Acknowledged</b> by the-editor" in await world.page(f"/alerts/{stored.id}")


async def test_alert_that_is_held_back_says_why(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    world.alerting.held[stored.id] = "the host is not up"
    assert "Held back: the host is not up" in await world.page("/alerts")


async def test_receiver_is_tested_on_the_notifications_page(world: World) -> None:
    assert "Send a test" in await world.page("/alerts?view=notifications")
    headers = await world.cookie(Role.EDITOR)
    path = "/alerts/receivers/phone/test?view=notifications"
    assert "Accepted." in await (await world.client.post(path, headers=headers)).text()
    assert world.alerting.tested == ["phone"]
    world.alerting.failure = DeliveryError("answered 500")
    assert "answered 500" in await (await world.client.post(path, headers=headers)).text()


async def test_quiet_alerts_page_says_that_nothing_is_wrong(world: World) -> None:
    assert "Nothing is wrong" in await world.page("/alerts")
