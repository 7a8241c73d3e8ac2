"""The pages of silences, and what their matchers match."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.routing.silences import Silence
from storage.api.accounts import Role
from tests.web.alerting_double import an_alert
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.alerts.silence_forms import silence_fields

HOUR_MS = 3_600_000


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def form(**more: str) -> dict[str, str]:
    return {"matchers": 'instance="a:9100"', "comment": "upgrade", "duration": "2h"} | more


async def post(world: World, path: str, fields: dict[str, str], role: Role = Role.EDITOR) -> Any:
    headers = await world.cookie(role)
    return await world.client.post(path, data=fields, headers=headers, allow_redirects=False)


def silences(world: World) -> list[Silence]:
    found = world.alerting.router.dispatcher.silences.all()
    return sorted(found, key=lambda each: each.ends_ms)


async def test_silence_of_the_form_is_listed_and_marks_its_alerts(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    answer = await post(world, "/silences", form())
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/silences?state=active&notice=made",
    )
    [made] = silences(world)
    assert (made.created_by, made.comment) == ("the-editor", "upgrade")
    assert (made.starts_ms, made.ends_ms) == (NOW_MS, NOW_MS + 2 * HOUR_MS)
    text = await world.page("/silences")
    assert "upgrade" in text
    assert '<td class="number" data-title="Alerts now">1</td>' in text
    listed = await world.page("/alerts")
    assert '<span class="tag">silenced</span>' in listed
    assert "the-editor silenced it until" in listed
    assert "the-editor silenced it until" in await world.page(f"/alerts/{stored.id}")


async def test_alert_is_silenced_with_one_click_on_its_page(world: World) -> None:
    stored = await world.alerting.put(an_alert())
    text = await world.page(f"/alerts/{stored.id}", role=Role.EDITOR)
    assert 'name="matchers" value="alertname=' in text
    assert "Silence for 2 h" in text
    assert "Silence for 2 h" not in await world.page(f"/alerts/{stored.id}", role=Role.VIEWER)


async def test_pending_and_expired_silences_have_lists_of_their_own(world: World) -> None:
    await post(world, "/silences", form(starts="2100-01-01T00:00"))
    await post(world, "/silences", form(comment="now"))
    assert "upgrade" in await world.page("/silences?state=pending")
    assert "upgrade" not in await world.page("/silences")
    now = next(each for each in silences(world) if each.comment == "now")
    answer = await post(world, f"/silences/{now.id}/expire", {})
    assert answer.headers["Location"] == "/silences?notice=expired"
    text = await world.page("/silences?state=expired")
    assert "now" in text
    assert "Silence again" in text


async def test_change_of_the_comment_keeps_the_silence(world: World) -> None:
    world.now[0] = NOW_MS + 123
    await post(world, "/silences", form())
    [made] = silences(world)
    world.now[0] += 60_000
    text = await world.page(f"/silences/{made.id}/edit", role=Role.EDITOR)
    assert 'value="2' in text
    fields = silence_fields(made) | {"comment": "longer"}
    await post(world, f"/silences/{made.id}/edit", fields)
    [changed] = silences(world)
    assert (changed.id, changed.comment) == (made.id, "longer")


async def test_change_of_the_matchers_expires_the_silence(world: World) -> None:
    await post(world, "/silences", form())
    [made] = silences(world)
    world.now[0] += 60_000
    await post(world, f"/silences/{made.id}/edit", form(matchers='instance="b"'))
    states = {each.id: each.state(world.now[0]).value for each in silences(world)}
    assert states.pop(made.id) == "expired"
    assert list(states.values()) == ["active"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"matchers": ""}, "matchers"),
        ({"matchers": "a b"}, "matchers"),
        ({"matchers": 'a=""'}, "matchers"),
        ({"duration": "soon"}, "duration"),
        ({"starts": "x"}, "starts"),
        ({"ends": "2001-01-01T00:00"}, "ends"),
        ({"comment": "x" * 2001}, "comment"),
    ],
)
async def test_invalid_form_keeps_its_fields_and_names_the_wrong_one(
    world: World, more: dict[str, str], field: str
) -> None:
    answer = await post(world, "/silences", form(**more))
    text = await answer.text()
    assert answer.status == 400
    hint = text.split(f'id="hint-{field}">')[1].split("</p>")[0]
    assert 'class="problem"' in hint
    assert silences(world) == []


async def test_viewer_sees_silences_and_cannot_change_them(world: World) -> None:
    await post(world, "/silences", form())
    text = await world.page("/silences", role=Role.VIEWER)
    assert "upgrade" in text
    assert "/expire" not in text
    assert (await post(world, "/silences", form(), Role.VIEWER)).status == 403


async def test_preview_lists_what_the_matchers_match(world: World) -> None:
    await world.alerting.put(an_alert())
    await world.alerting.put(an_alert(instance="b:9100"))
    path = '/silences/new?matchers=instance%3D~"a.*"'
    text = await world.page(path, role=Role.EDITOR)
    assert "1 open alert:" in text
    headers = await world.bearer(Role.VIEWER)
    params = {"matchers": '{instance=~"[ab]:.*"}'}
    answer = await world.client.get("/api/silences/preview", params=params, headers=headers)
    found = await answer.json()
    assert found["count"] == 2
    assert {each["labels"]["instance"] for each in found["alerts"]} == {"a:9100", "b:9100"}
    refused = await world.client.get(
        "/api/silences/preview", params={"matchers": "{a b}"}, headers=headers
    )
    assert refused.status == 400
