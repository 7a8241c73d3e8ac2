from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

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
        for name in ("a:9100", "b:9100", "c:9100"):
            await world.alerting.put(an_alert(instance=name))
        await world.alerting.put(an_alert(AlertState.RESOLVED))
        yield world


async def posted(
    world: World, fields: Sequence[tuple[str, str]], role: Role = Role.EDITOR
) -> tuple[int, str]:
    """Send the form; return the status and the address that follows."""
    answer = await world.client.post(
        "/alerts/acknowledge",
        data=urlencode(fields),
        headers=await world.cookie(role) | {"Content-Type": "application/x-www-form-urlencoded"},
        allow_redirects=False,
    )
    return answer.status, answer.headers.get("Location", "")


async def acknowledged(world: World) -> dict[int, str]:
    found = await world.services.alerts.open_alerts()
    return {each.id: each.acknowledged_by for each in found if each.acknowledged_by}


async def test_ticked_alerts_are_acknowledged_with_the_terms_of_the_form(world: World) -> None:
    fields = [("id", "1"), ("id", "3"), ("comment", "on it"), ("duration", "2h")]
    answer = await posted(world, [*fields, ("next", "/alerts?severity=critical")])
    assert answer == (303, "/alerts?severity=critical")
    assert await acknowledged(world) == {1: "the-editor", 3: "the-editor"}
    alert = await world.services.alerts.alert(3)
    assert alert.acknowledged_comment == "on it"
    assert alert.acknowledged_until_ms == NOW_MS + 7_200_000


async def test_group_is_acknowledged_although_some_of_it_has_ended(world: World) -> None:
    assert await posted(world, [("ids", "1,2,4,99")]) == (303, "/alerts")
    assert set(await acknowledged(world)) == {1, 2}


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("id", "x")],
        [("ids", "1,²")],
        [("id", "9" * 30)],
        [("ids", ",".join(map(str, range(1, 1002))))],
        [("id", "1"), ("duration", "soon")],
    ],
)
async def test_malformed_form_acknowledges_nothing(
    world: World, fields: list[tuple[str, str]]
) -> None:
    status, _ = await posted(world, fields)
    assert status == 400
    assert await acknowledged(world) == {}


async def test_viewer_sees_neither_ticks_nor_buttons(world: World) -> None:
    assert (await posted(world, [("id", "1")], Role.VIEWER))[0] == 403
    text = await world.page("/alerts", role=Role.VIEWER)
    assert 'type="checkbox"' not in text
    assert "/acknowledge" not in text


async def test_list_shows_the_groups_and_what_fits(world: World) -> None:
    text = await world.page("/alerts?group=instance&q=b%3A9100")
    assert 'value="2" form="bulk"' in text
    assert 'name="ids" value="2"' in text
    assert "/silences/new?matchers=instance%3D%22b%3A9100%22" in text
    assert 'id="alert-1"' not in text
    assert "No open alert fits" in await world.page("/alerts?q=absent")
