"""The first steps on the page of hosts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from model.targets import Health
from storage.api.accounts import Role
from tests.web.service_doubles import NOW_MS, target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.alerting.named = (("log", "log"),)
        yield world


STEPS = 'class="first-steps"'


def up(world: World) -> None:
    status = target_status("web-1", "a:9100", Health.UP)
    world.statuses.append(replace(status, last_up_ms=NOW_MS))


async def test_empty_server_shows_a_command_and_the_form_of_the_first_host(world: World) -> None:
    text = await world.page("/")
    assert STEPS in text
    assert 'data-copy="redshank exporter"' in text
    form = {"name": "web-1", "url": "10.0.0.5", "next": "/"}
    answer = await world.client.post(
        "/add-host", data=form, headers=await world.cookie(), allow_redirects=False
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    text = await world.page("/")
    assert "<bdi>web-1</bdi>: waiting for its first sample" in text
    assert 'data-copy="redshank exporter"' not in text


async def test_host_with_a_sample_is_done_and_the_channel_is_next(world: World) -> None:
    up(world)
    text = await world.page("/")
    assert "Samples of" in text
    assert 'action="/settings/receivers"' in text
    assert 'action="/add-host"' not in text


async def test_steps_that_are_done_shrink_to_a_line_each(world: World) -> None:
    up(world)
    text = await world.page("/")
    assert text.count('data-done="true"') == 3
    assert text.count('<span class="step-mark">') == 1
    assert "Enter its address</h3>" not in text


async def test_channel_before_the_first_host_is_a_line_too(world: World) -> None:
    world.alerting.named = (("phone", "webhook"),)
    text = await world.page("/")
    assert text.count('data-done="true"') == 1
    assert "Alerts go to <bdi>phone</bdi>." in text
    assert "An alert channel</h3>" not in text


async def test_added_channel_is_done_once_its_test_was_accepted(world: World) -> None:
    up(world)
    headers = await world.cookie()
    form = {"name": "first channel", "kind": "webhook", "url": "https://a.example/x", "next": "/"}
    answer = await world.client.post("/settings/receivers", data=form, headers=headers)
    assert answer.status == 200
    world.alerting.named = (("log", "log"), ("first channel", "webhook"))
    assert 'action="/settings/receivers/first%20channel/test"' in await world.page("/")
    test = "/settings/receivers/first%20channel/test"
    await world.client.post(test, data={"next": "/"}, headers=headers)
    assert world.alerting.tested == ["first channel"]
    assert STEPS not in await world.page("/")


async def test_steps_are_gone_where_hosts_and_a_configured_channel_are(world: World) -> None:
    up(world)
    world.alerting.named = (("phone", "webhook"),)
    assert STEPS not in await world.page("/")


async def test_viewer_sees_no_steps(world: World) -> None:
    assert STEPS not in await world.page("/", role=Role.VIEWER)


async def test_editor_cannot_add_a_channel(world: World) -> None:
    up(world)
    text = await world.page("/", role=Role.EDITOR)
    assert STEPS in text
    assert 'action="/settings/receivers"' not in text


async def test_hidden_steps_stay_hidden_for_this_user_only(world: World) -> None:
    await world.client.post("/first-steps/hide", headers=await world.cookie())
    text = await world.page("/")
    assert STEPS not in text
    assert "No hosts yet" in text
    assert STEPS in await world.page("/", role=Role.EDITOR)


async def test_client_that_asks_for_json_gets_the_description_of_the_server(world: World) -> None:
    answer = await world.client.get("/", headers={"Accept": "application/json"})
    assert (await answer.json())["prometheus"] == "/api/v1"
