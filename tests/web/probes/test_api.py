"""Probes through the API and the pages: made, tested, masked, paused, called and deleted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from model.probing.definitions import ProbeDefinition
from storage.api.accounts import Role
from tests.scraper.probing.services import answering, http
from tests.web.world import World, world_at

PROBE: dict[str, Any] = {
    "name": "shop",
    "kind": "tcp",
    "target": "127.0.0.1:9",
}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.fixture
async def editor(world: World) -> dict[str, str]:
    return await world.bearer(Role.EDITOR)


async def test_a_probe_is_added_changed_and_deleted(world: World, editor: dict[str, str]) -> None:
    added = await world.client.post("/api/probes", json=PROBE, headers=editor)
    assert added.status == 201
    document = await added.json()
    assert (document["state"], document["definition"]["interval"]) == ("pending", 60)
    again = await world.client.post("/api/probes", json=PROBE, headers=editor)
    assert again.status == 409
    changed = PROBE | {"paused": True}
    put = await world.client.put("/api/probes/shop", json=changed, headers=editor)
    assert (await put.json())["state"] == "paused"
    renamed = await world.client.put(
        "/api/probes/shop", json=PROBE | {"name": "other"}, headers=editor
    )
    assert renamed.status == 400
    assert (await renamed.json())["field"] == "name"
    assert (await world.client.delete("/api/probes/shop", headers=editor)).status == 204
    assert (await world.client.get("/api/probes/shop", headers=editor)).status == 404


async def test_secrets_of_headers_are_encrypted_hidden_and_kept(
    world: World, editor: dict[str, str]
) -> None:
    web = {"name": "web", "kind": "http", "target": "http://127.0.0.1:9/"}
    check = {"headers": {"Authorization": "Bearer hunter2"}}
    await world.client.post("/api/probes", json=web | {"http": check}, headers=editor)
    shown = await (await world.client.get("/api/probes/web", headers=editor)).json()
    assert shown["definition"]["http"]["headers"] == {"Authorization": "<secret>"}
    await world.client.put("/api/probes/web", json=shown["definition"], headers=editor)
    library = world.services.probes.library
    await library.load()
    assert library.get("web").definition.http.headers == check["headers"]
    (row,) = await library._records.all()
    assert "hunter2" not in row.definition + row.sealed


async def test_a_test_runs_once_and_stores_nothing(world: World, editor: dict[str, str]) -> None:
    async with answering(http(b"fine")) as port:
        web = {"name": "web", "kind": "http", "target": f"http://127.0.0.1:{port}/"}
        found = await world.client.post("/api/probes/test", json=web, headers=editor)
        outcome = await found.json()
    assert (outcome["succeeded"], outcome["numbers"]["http_status_code"]) == (True, 200)
    assert (await (await world.client.get("/api/probes", headers=editor)).json())["probes"] == []


async def test_stored_secrets_are_not_sent_to_another_target(
    world: World, editor: dict[str, str]
) -> None:
    requests: list[bytes] = []
    async with answering(http(), requests=requests) as port:
        web = {"name": "web", "kind": "http", "target": "http://127.0.0.1:9/"}
        secret = web | {"http": {"headers": {"X-Key": "hunter2"}}}
        await world.client.post("/api/probes", json=secret, headers=editor)
        other = web | {
            "target": f"http://127.0.0.1:{port}/",
            "http": {"headers": {"X-Key": "<secret>"}},
        }
        await world.client.post("/api/probes/test", json=other, headers=editor)
    assert b"hunter2" not in requests[0]


async def test_a_heartbeat_url_is_called_without_a_login(
    world: World, editor: dict[str, str]
) -> None:
    beat = {"name": "backup", "kind": "heartbeat", "interval": "1d"}
    await world.client.post("/api/probes", json=beat, headers=editor)
    issued = await world.client.post("/api/probes/backup/heartbeat-url", headers=editor)
    path = "/" + (await issued.json())["url"].partition("://")[2].partition("/")[2]
    assert (await world.client.get(path)).status == 200
    assert (await world.client.post(f"{path}?status=down&msg=full", data=b"log")).status == 200
    assert (await world.client.get("/heartbeat/guess")).status == 404
    shown = await (await world.client.get("/api/probes/backup", headers=editor)).json()
    assert shown["heartbeat"]["last_ms"] == world.services.clock()
    last = world.services.probes.heartbeats.last("backup")
    assert last is not None
    assert (last.failed, last.message) == (True, "full")


async def test_a_configured_probe_is_changed_in_its_file_only(
    world: World, editor: dict[str, str]
) -> None:
    world.services.probes.library.apply([ProbeDefinition.model_validate(PROBE)])
    shown = await (await world.client.get("/api/probes/shop", headers=editor)).json()
    assert shown["configured"]
    for method in ("PUT", "DELETE"):
        answer = await world.client.request(method, "/api/probes/shop", json=PROBE, headers=editor)
        assert answer.status == 409
        assert "redshank.yml" in (await answer.json())["error"]


async def test_forms_add_a_probe_and_show_what_is_wrong(world: World) -> None:
    session = await world.cookie(Role.EDITOR)
    hostile = "<script>alert(1)</script>\u202e"
    fields = {"kind": "tcp", "name": hostile, "target": "nowhere", "interval": "1m"}
    wrong = await world.client.post("/probes/new", data=fields, headers=session)
    text = await wrong.text()
    assert wrong.status == 400
    assert "have no slash" in text
    assert hostile not in text
    wrong = await world.client.post("/probes/new", data=fields | {"name": "x"}, headers=session)
    assert "is not HOST:PORT" in await wrong.text()
    fields |= {"target": "127.0.0.1:9", "labels": "team=<b>"}
    named = fields | {"name": "<b>x"}
    stored = await world.client.post(
        "/probes/new", data=named, headers=session, allow_redirects=False
    )
    assert stored.headers["Location"] == "/probes?notice=stored"
    shown = await (await world.client.get("/probes", headers=session)).text()
    assert "&lt;b&gt;x" in shown
    assert "<b>x" not in shown
    page = await world.client.get("/probes/%3Cb%3Ex", headers=session)
    assert "team=&lt;b&gt;" in await page.text()
    tested = await world.client.post(
        "/probes/%3Cb%3Ex", data=named | {"action": "test"}, headers=session
    )
    assert "The probe fails" in await tested.text()
    paused = await world.client.post("/probes/%3Cb%3Ex/pause", headers=session)
    assert "Paused" in await paused.text()
    deleted = await world.client.post("/probes/%3Cb%3Ex/delete", headers=session)
    assert "No probes yet" in await deleted.text()
