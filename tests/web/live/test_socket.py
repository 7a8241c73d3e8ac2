import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, WSServerHandshakeError, web
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName
from storage.api.accounts import CredentialKind, Role
from tests.patience import PATIENCE_S
from tests.web.live.client import PATH, end_of, received
from tests.web.world import World, world_at
from web.http.routing import Principal
from web.live.socket import MetricsSocket
from web.settings import WebSettings


async def test_token_may_come_in_the_address_or_in_the_first_message(world: World) -> None:
    secret = await world.secret(CredentialKind.BEARER, Role.VIEWER)
    async with world.client.ws_connect(f"{PATH}?token={secret}") as socket:
        await received(socket, "hello")
    async with world.client.ws_connect(PATH) as socket:
        await socket.send_json({"type": "auth", "token": secret})
        assert (await received(socket, "hello"))["user"] == "the-viewer"
        await socket.send_json({"type": "subscribe", "id": "p", "page": "/live/alerts"})
        await received(socket, "region")


@pytest.mark.parametrize("first", ['{"type":"auth","token":"x"}', '{"type":"ping"}', "{"])
async def test_client_without_a_valid_token_is_closed(world: World, first: str) -> None:
    async with world.client.ws_connect(PATH) as socket:
        await socket.send_str(first)
        assert (await end_of(socket))[0] == 4401


async def test_wrong_token_and_wrong_scope_are_refused(world: World) -> None:
    for headers, query, status in (
        ({"Authorization": "Bearer x"}, "", 401),
        ({}, "?token=x", 401),
    ):
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.client.ws_connect(PATH + query, headers=headers)
        assert refused.value.status == status


async def test_anonymous_viewer_needs_no_token(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(live_interval_s=0.05, anonymous_viewer=True)
    async with (
        world_at(tmp_path, aiohttp_client, settings) as world,
        world.client.ws_connect(PATH) as socket,
    ):
        assert (await received(socket, "hello"))["user"] is None
        await received(socket, "metrics")


async def test_page_of_another_site_is_refused(world: World) -> None:
    cookie = await world.cookie()
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.client.ws_connect(PATH, headers=cookie | foreign)
        assert refused.value.status == 403
    own = {"Origin": f"http://{world.client.host}:{world.client.port}"}
    async with world.client.ws_connect(PATH, headers=cookie | own) as socket:
        await received(socket, "hello")


@pytest.mark.parametrize("logged_in", [True, False])
async def test_client_that_leaves_during_its_login_is_no_failure_of_the_server(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    logged_in: bool,
) -> None:
    find = MetricsSocket._principal

    async def leaving(socket: MetricsSocket, request: web.Request) -> Principal | None:
        found = await find(socket, request)
        assert request.transport is not None
        request.transport.abort()
        return found

    monkeypatch.setattr(MetricsSocket, "_principal", leaving)
    secret = await world.secret(CredentialKind.BEARER, Role.VIEWER)
    with pytest.raises(ClientConnectionError):
        await world.client.ws_connect(f"{PATH}?token={secret}" if logged_in else PATH)
    assert (await world.client.get("/health")).status == 200
    assert [record.message for record in caplog.records if record.name == "aiohttp.server"] == []


async def test_request_without_upgrade_is_answered_426(world: World) -> None:
    answer = await world.client.get(PATH, headers=await world.bearer())
    assert answer.status == 426
    assert answer.headers["Upgrade"] == "websocket"


async def test_page_of_a_site_in_cors_needs_a_token(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    origin = {"Origin": "https://board.example"}
    settings = WebSettings.model_validate({"cors": {"origins": ["https://board.example"]}})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        token = (await world.bearer())["Authorization"].removeprefix("Bearer ")
        async with world.client.ws_connect(f"{PATH}?token={token}", headers=origin) as socket:
            assert (await received(socket, "hello"))["user"]
        cookie = origin | dict(await world.cookie())
        async with world.client.ws_connect(PATH, headers=cookie) as socket:
            await socket.send_str(json.dumps({"type": "auth", "token": "wrong"}))
            assert (await end_of(socket))[0] == 4401


async def test_stopping_server_ends_every_connection(world: World) -> None:
    headers = await world.bearer()
    async with (
        world.client.ws_connect(PATH, headers=headers) as one,
        world.client.ws_connect(PATH, headers=headers) as two,
    ):
        await received(one, "metrics")
        await received(two, "metrics")
        closing = asyncio.create_task(world.client.server.close())
        assert await end_of(one) == (1001, "the server stops")
        assert await end_of(two) == (1001, "the server stops")
        async with asyncio.timeout(PATIENCE_S):
            await closing
    assert world.alerting.subscribers == []


async def test_connections_are_bounded_in_number(world: World) -> None:
    headers = await world.bearer()
    async with (
        world.client.ws_connect(PATH, headers=headers) as one,
        world.client.ws_connect(PATH, headers=headers) as two,
    ):
        await received(one, "hello")
        await received(two, "hello")
        with pytest.raises(WSServerHandshakeError) as refused:
            await world.client.ws_connect(PATH, headers=headers)
        assert refused.value.status == 503
    assert world.services.refusals.totals()[LimitName.LIVE_STREAMS] == 1
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with world.client.ws_connect(PATH, headers=headers):
                    break
            except WSServerHandshakeError:
                continue


async def test_one_token_cannot_take_all_live_connections(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(live_interval_s=0.05, live_streams_per_key=2)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        greedy, other = await world.bearer(), await world.bearer()
        secret = greedy["Authorization"].removeprefix("Bearer ")
        async with (
            world.client.ws_connect(PATH, headers=greedy),
            world.client.ws_connect(PATH, headers=greedy),
        ):
            with pytest.raises(WSServerHandshakeError) as refused:
                await world.client.ws_connect(PATH, headers=greedy)
            assert refused.value.status == 503
            async with world.client.ws_connect(PATH) as late:
                await late.send_json({"type": "auth", "token": secret})
                assert await end_of(late) == (
                    1013,
                    "too many live connections of this session or token; try again later",
                )
            async with world.client.ws_connect(PATH, headers=other) as socket:
                await received(socket, "hello")
        assert world.services.refusals.totals()[LimitName.KEY_LIVE_STREAMS] == 2
        async with world.client.ws_connect(PATH, headers=greedy) as socket:
            await received(socket, "hello")


async def test_one_address_cannot_take_all_live_connections(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate(
        {
            "live_interval_s": 0.05,
            "live_streams_per_address": 1,
            "trusted_proxies": ["127.0.0.0/8"],
        }
    )
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        first, second = ({"X-Forwarded-For": f"203.0.113.{number}"} for number in (1, 2))
        async with world.client.ws_connect(PATH, headers=await world.bearer() | first):
            with pytest.raises(WSServerHandshakeError) as refused:
                await world.client.ws_connect(PATH, headers=await world.bearer() | first)
            assert refused.value.status == 503
            async with world.client.ws_connect(
                PATH, headers=await world.bearer() | second
            ) as socket:
                await received(socket, "hello")
        assert world.services.refusals.totals()[LimitName.ADDRESS_LIVE_STREAMS] == 1
