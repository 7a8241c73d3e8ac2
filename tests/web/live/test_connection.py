import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.targets import Health
from promql.api import QueryTimeoutError
from storage.api.accounts import Role
from storage.api.alerts import AlertState
from tests.patience import PATIENCE_S
from tests.web.alerting_double import an_alert
from tests.web.live.client import PATH, end_of, received
from tests.web.service_doubles import target_status, vector
from tests.web.web_demo import serving
from tests.web.world import World, world_at
from web.settings import WebSettings

MIB = 2**20


async def test_client_without_subscriptions_gets_figures_and_alerts(world: World) -> None:
    await world.alerting.put(an_alert(instance="a:9100"))
    async with world.client.ws_connect(PATH, headers=await world.bearer(Role.VIEWER)) as socket:
        assert (await received(socket, "hello"))["user"] == "the-viewer"
        first = [await received(socket, ""), await received(socket, "")]
        found = {message["type"]: message for message in first}
        assert found["metrics"]["hosts"] == (await fleet(world))["hosts"]
        assert [alert["rule"] for alert in found["alerts"]["alerts"]] == ["host/cpu"]


async def fleet(world: World) -> dict[str, Any]:
    answer = await world.client.get("/api/fleet", headers=await world.bearer())
    found: dict[str, Any] = await answer.json()
    return found


async def test_changed_alert_is_sent_at_once(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    async with world_at(tmp_path, aiohttp_client, WebSettings(live_interval_s=3600)) as world:
        headers = await world.bearer()
        async with world.client.ws_connect(PATH, headers=headers) as socket:
            await received(socket, "alerts")
            alert = await world.alerting.put(an_alert())
            change = await received(socket, "alert")
            assert (change["before"], change["after"]) == ("inactive", "firing")
            assert change["alert"]["id"] == alert.id
            await world.client.post(f"/api/alerts/{alert.id}/acknowledge", headers=headers)
            seen = await received(socket, "alert")
            assert (seen["before"], seen["after"]) == ("firing", "firing")
            assert seen["alert"]["acknowledged_by"] == "the-admin"


async def test_query_is_evaluated_again_after_each_interval(world: World) -> None:
    labels = Labels.of(__name__="up", instance="a:9100")
    world.engine.answers["up"] = vector({labels: 1.0})
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_json({"type": "subscribe", "id": "u", "query": "up", "interval_s": 1})
        values = await received(socket, "values")
        assert values["id"] == "u"
        assert values["data"]["resultType"] == "vector"
        assert values["data"]["result"][0]["value"][1] == "1"
        world.engine.answers["up"] = vector({labels: 0.0})
        assert (await received(socket, "values"))["data"]["result"][0]["value"][1] == "0"


async def test_first_subscription_replaces_the_defaults(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await received(socket, "metrics")
        await socket.send_json({"type": "subscribe", "id": "q", "query": "up"})
        await received(socket, "values")
        await world.alerting.put(an_alert())
        await socket.send_json({"type": "ping"})
        seen: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while not seen or seen[-1] != "pong":
                seen.append((await socket.receive_json())["type"])
        assert "alert" not in seen


async def test_failing_query_reports_an_error_and_is_tried_again(world: World) -> None:
    world.engine.answers["up"] = QueryTimeoutError("query timed out in expression evaluation")
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_json({"type": "subscribe", "id": "u", "query": "up", "interval_s": 1})
        error = await received(socket, "error")
        assert error["id"] == "u"
        assert "timed out" in error["error"]
        world.engine.answers["up"] = vector({Labels.of(__name__="up"): 1.0})
        await received(socket, "values")


async def test_page_is_sent_again_when_it_changed(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.cookie()) as socket:
        await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/hosts?q=web"})
        assert 'id="fleet"' in (await received(socket, "region"))["html"]
        world.statuses[0] = target_status("web-1", "a:9100", Health.DOWN, "no route to host")
        world.now[0] += 5_000
        assert "no route to host" in (await received(socket, "region"))["html"]
        await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/host/a%3A9100"})
        async with asyncio.timeout(PATIENCE_S):
            while 'id="host"' not in (await received(socket, "region"))["html"]:
                pass


@pytest.mark.parametrize(
    ("page", "region"),
    [
        ("hosts", "fleet"),
        ("alerts", "alerts"),
        ("targets", "targets"),
        ("store", "store"),
        ("host/a:9100", "host"),
    ],
)
async def test_every_live_page_has_its_region(world: World, page: str, region: str) -> None:
    async with world.client.ws_connect(PATH, headers=await world.cookie()) as socket:
        await socket.send_json({"type": "subscribe", "id": "page", "page": f"/live/{page}"})
        html = (await received(socket, "region"))["html"]
        assert f'id="{region}"' in html
        assert 'id="alert-badge"' in html


async def test_page_of_a_removed_host_reports_an_error(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.cookie()) as socket:
        await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/host/a:9100"})
        await received(socket, "region")
        world.statuses.clear()
        world.now[0] += 5_000
        assert (await received(socket, "error"))["id"] == "page"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"type":"shout"}', "shout"),
        ('{"type":"subscribe","id":"a"}', "one of query, topic, page"),
        ('{"type":"subscribe","id":"a","query":"up","page":"/live/hosts"}', "one of"),
        ('{"type":"subscribe","id":"a","query":"up","interval_s":0.1}', "interval_s"),
        ('{"type":"subscribe","id":"a","page":"/live/nothing"}', "no such live page"),
        ('{"type":"subscribe","id":"a","page":"/api/users"}', "no such live page"),
        ('{"type":"subscribe","id":"a","page":"//[/live/hosts"}', "no such live page"),
        ('{"type":"auth","token":"x"}', "already"),
    ],
)
async def test_invalid_message_reports_an_error_and_keeps_the_connection(
    world: World, text: str, says: str
) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_str(text)
        assert says in (await received(socket, "error"))["error"]
        await socket.send_json({"type": "ping"})
        await received(socket, "pong")


async def test_a_refused_subscription_is_named(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_json({"type": "subscribe", "id": "a", "page": "/live/nothing"})
        assert (await received(socket, "error"))["id"] == "a"


async def test_a_page_that_was_open_before_a_restart_is_live_before_any_other_is_loaded(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as url, ClientSession(url) as client:
        login = {"username": "admin", "password": "demo-password"}
        async with client.post("/auth/token", json=login) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with client.ws_connect(PATH, headers=headers) as socket:
            await socket.send_json({"type": "subscribe", "id": "a", "page": "/live/hosts"})
            assert (await received(socket, "region"))["id"] == "a"


async def test_subscriptions_are_bounded_in_number(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        for number in range(33):
            asked = {"type": "subscribe", "id": f"{number}", "query": "up", "interval_s": 3600}
            await socket.send_json(asked)
        assert "at most 32" in (await received(socket, "error"))["error"]
        await socket.send_json({"type": "unsubscribe", "id": "7"})
        await socket.send_json({"type": "subscribe", "id": "33", "query": "up"})
        async with asyncio.timeout(PATIENCE_S):
            while (await received(socket, "values"))["id"] != "33":
                pass


async def test_binary_message_ends_the_connection(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_bytes(b"\x00")
        assert (await end_of(socket))[0] == 1003


async def test_overlong_message_ends_the_connection(world: World) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await socket.send_str('{"type":"ping"' + " " * 70_000 + "}")
        assert (await end_of(socket))[0] == 1009


async def test_revoked_session_ends_its_connection(world: World) -> None:
    headers = await world.cookie()
    async with world.client.ws_connect(PATH, headers=headers) as socket:
        await received(socket, "hello")
        await world.client.post("/logout", headers=headers, allow_redirects=False)
        assert (await end_of(socket))[0] == 4401


async def test_internal_error_is_logged_and_closes_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.client.ws_connect(PATH, headers=await world.bearer()) as socket:
        await received(socket, "hello")

        async def broken(*_: object) -> None:
            raise RuntimeError("the disk is gone")

        monkeypatch.setattr(world.services.accounts, "credential", broken)
        assert (await end_of(socket))[0] == 1011
    assert "stream_failed" in [line["event"] for line in world.logs]


UPGRADE = (
    "GET /ws/metrics HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n"
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_client_that_never_reads_is_dropped_and_others_are_served(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(live_interval_s=0.05, live_write_timeout_s=0.5)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        # Large messages: a few of them fill every buffer between server and client.
        world.statuses += [target_status(f"host-{n}", f"h{n}:9100") for n in range(1500)]
        cookie = await world.cookie()
        async with world.client.ws_connect(PATH, headers=cookie) as other:
            await received(other, "metrics")
            before_bytes = await asyncio.to_thread(resident_bytes)
            deaf, writer = await asyncio.open_connection("127.0.0.1", world.client.port, limit=1)
            writer.write(UPGRADE.format(cookie=cookie["Cookie"]).encode())
            async with asyncio.timeout(60):
                while not (reasons := dropped(world)):
                    world.now[0] += 5_000
                    status = world.statuses.pop(0)
                    seen_ms = world.now[0]
                    world.statuses.append(replace(status, last_up_ms=seen_ms))
                    # The other client still gets new figures.
                    await received(other, "metrics")
            assert reasons[0].startswith("too slow")
            grown_bytes = await asyncio.to_thread(resident_bytes) - before_bytes
            assert grown_bytes < 64 * MIB
            writer.close()
            del deaf
            world.now[0] += 5_000
            await received(other, "metrics")


async def test_client_with_too_many_waiting_alerts_is_dropped(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(live_interval_s=3600, live_write_timeout_s=3600)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        cookie = await world.cookie()
        _, writer = await asyncio.open_connection("127.0.0.1", world.client.port, limit=1)
        writer.write(UPGRADE.format(cookie=cookie["Cookie"]).encode())
        alert = await world.alerting.put(an_alert(summary="x" * 50_000))
        async with asyncio.timeout(60):
            while not (reasons := dropped(world)):
                await world.alerting.put(replace(alert, value=alert.value + 1), AlertState.FIRING)
        assert reasons == ["too slow: too many messages wait to be sent"]
        writer.close()


def resident_bytes() -> int:
    size: int = psutil.Process().memory_info().rss
    return size


def dropped(world: World) -> list[str]:
    return [
        line["reason"]
        for line in world.logs
        if line["event"] == "stream_ended" and line["code"] == 1013
    ]
