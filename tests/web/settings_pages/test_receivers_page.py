"""The page of receivers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from alerting.errors import DeliveryError
from alerting.settings import AlertingSettings
from daemon.server.management.stored_receivers import StoredReceivers
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


FORM = {"name": "ops room", "kind": "webhook", "url": "https://hooks.example/secret-token"}


async def test_added_receiver_is_listed_without_its_url_and_removed(world: World) -> None:
    headers = await world.cookie()
    answer = await world.client.post("/settings/receivers", data=FORM, headers=headers)
    text = await answer.text()
    assert "The receiver is added" in text
    assert "ops room" in text
    assert "secret-token" not in text
    answer = await world.client.post("/settings/receivers/ops%20room/remove", headers=headers)
    assert "The receiver is removed" in await answer.text()
    assert "ops room" not in await world.page("/settings/receivers")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "ftp://a.example"}, "must begin with http"),
        ({"url": " "}, "must not be empty"),
        ({"name": ""}, "must not be empty"),
        ({"kind": "apprise", "url": "nonsense"}, "not a URL of Apprise"),
        ({"kind": "log"}, "webhook"),
    ],
)
async def test_invalid_receiver_is_refused_with_its_field(
    world: World, change: dict[str, str], problem: str
) -> None:
    answer = await world.client.post(
        "/settings/receivers", data=FORM | change, headers=await world.cookie()
    )
    assert answer.status == 400
    assert problem in await answer.text()
    assert world.services.managed_receivers is not None
    assert world.services.managed_receivers.added() == ()


async def test_name_that_is_taken_is_refused(world: World) -> None:
    headers = await world.cookie()
    await world.client.post("/settings/receivers", data=FORM, headers=headers)
    again = await world.client.post("/settings/receivers", data=FORM, headers=headers)
    assert again.status == 409
    configured = FORM | {"name": "log"}
    taken = await world.client.post("/settings/receivers", data=configured, headers=headers)
    assert "the server&#39;s configuration" in await taken.text()


async def test_failed_test_shows_its_reason(world: World) -> None:
    world.alerting.failure = DeliveryError("https://hooks.example: 404 Not Found")
    answer = await world.client.post("/settings/receivers/phone/test", headers=await world.cookie())
    assert "404 Not Found" in await answer.text()


async def test_form_sends_nobody_to_another_site(world: World) -> None:
    answer = await world.client.post(
        "/settings/receivers",
        data=FORM | {"next": "//evil.example"},
        headers=await world.cookie(),
        allow_redirects=False,
    )
    assert answer.headers["Location"].startswith("/")
    assert "evil" not in answer.headers["Location"]


async def test_nothing_is_added_beside_an_alertmanager_file(world: World) -> None:
    managed = world.services.managed_receivers
    assert isinstance(managed, StoredReceivers)

    async def nothing() -> None:
        return None

    settings = AlertingSettings(alertmanager_file="alertmanager.yml")
    managed.follow(lambda: settings, nothing)
    assert "alertmanager.yml names the receivers" in await world.page("/settings/receivers")
    answer = await world.client.post("/settings/receivers", data=FORM, headers=await world.cookie())
    assert answer.status == 409


async def test_server_without_managed_receivers_says_where_to_name_them(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client, managed_receivers=None) as world:
        answer = await world.client.post(
            "/settings/receivers", data=FORM, headers=await world.cookie()
        )
        assert "redshank.yml" in await answer.text()
