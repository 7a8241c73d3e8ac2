import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.ingest.pushes import a_report, post
from tests.web.service_doubles import NOW_MS, target_status
from tests.web.world import World, world_at

DAY_MS = 86_400_000


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def call(world: World, method: str, path: str, status: int, body: Any = None) -> Any:
    answer = await world.client.request(method, path, json=body, headers=await world.bearer())
    text = await answer.text()
    assert answer.status == status, text
    return await answer.json() if text else None


async def report_status(world: World, key: str) -> int:
    return (await post(world, "/report", a_report(), {"Authorization": f"Bearer {key}"}))[0]


async def send_form(world: World, path: str, fields: dict[str, str], status: int) -> str:
    answer = await world.client.post(
        path, data=fields, headers=await world.cookie(Role.EDITOR), allow_redirects=False
    )
    text = await answer.text()
    assert answer.status == status, text
    return text


async def test_key_of_a_pushing_host_is_returned_once(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "nas", "push": True})
    assert len(added["key"]) >= 43
    assert (added["instance"], added["url"], added["pushes"]) == ("nas", "", True)
    again = await call(world, "GET", f"/api/hosts/{added['id']}", 200)
    assert "key" not in again
    assert await report_status(world, added["key"]) == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "nas", "push": True, "url": "10.0.0.5"}, "url"),
        ({"name": "nas", "push": True, "key": "fifteen letters"}, "key"),
        ({"name": "nas", "push": True, "key": "with a space and more"}, "key"),
        ({"name": "nas", "push": True, "key": "schlüssel-schlüssel"}, "key"),
        ({"name": "nas", "url": "10.0.0.5", "key": "0123456789abcdef"}, "key"),
        ({"name": "nas"}, "url"),
    ],
)
async def test_unfit_pushing_host_is_refused_by_field(
    world: World, body: dict[str, Any], field: str
) -> None:
    answer = await call(world, "POST", "/api/hosts", 400, body)
    assert answer["field"] == field


async def test_key_of_another_host_is_a_conflict(world: World) -> None:
    body = {"name": "nas", "push": True, "key": "0123456789abcdef"}
    await call(world, "POST", "/api/hosts", 201, body)
    answer = await call(world, "POST", "/api/hosts", 409, body | {"name": "pi"})
    assert answer["field"] == "key"
    assert "0123456789abcdef" not in answer["error"]


async def test_rotation_keeps_the_old_key_for_a_day(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "nas", "push": True})
    path = f"/api/hosts/{added['id']}/keys"
    new = await call(world, "POST", path, 201, {})
    keys = (await call(world, "GET", path, 200))["keys"]
    assert [key["expires_ms"] for key in keys] == [None, NOW_MS + DAY_MS]
    assert keys[0]["fingerprint"] == new["fingerprint"]
    assert [await report_status(world, key) for key in (added["key"], new["key"])] == [200, 200]
    world.now[0] += DAY_MS
    assert await report_status(world, added["key"]) == 403


async def test_revoked_keys_are_refused_at_once(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "nas", "push": True})
    await call(world, "DELETE", f"/api/hosts/{added['id']}/keys", 204)
    assert await report_status(world, added["key"]) == 403


async def test_scraped_host_has_no_keys(world: World) -> None:
    world.statuses.append(target_status("web-1", "10.0.0.5:9100"))
    for method in ("POST", "DELETE"):
        answer = await call(world, method, "/api/hosts/10.0.0.5:9100/keys", 409, {})
        assert "does not push" in answer["error"]


async def test_form_shows_the_key_and_commands_that_work(world: World) -> None:
    text = await send_form(world, "/add-host", {"name": "nas", "push": "true"}, 200)
    found = re.search(r'id="host-key">([^<]+)<', text)
    assert found is not None
    assert f"Authorization: Bearer {found[1]}" in text.replace("&#39;", "'")
    assert "report_interval_seconds" in text
    assert await report_status(world, found[1]) == 200


async def test_form_says_what_is_wrong_beside_the_pushing_host(world: World) -> None:
    fields = {"name": "nas", "push": "true", "key": "short"}
    text = await send_form(world, "/add-host", fields, 400)
    assert 'id="hint-push-key"><span class="problem">' in text
    assert 'id="hint-name"><span class="problem">' not in text


async def test_host_page_shows_rotates_and_revokes_keys(world: World) -> None:
    added = await call(world, "POST", "/api/hosts", 201, {"name": "nas", "push": True})
    page = f"/host/{added['id']}"
    answer = await world.client.get(page, headers=await world.cookie(Role.EDITOR))
    assert "Waiting for the first report" in (text := await answer.text())
    assert "New key" in text
    assert added["key"] not in text
    text = await send_form(world, "/host/nas/keys/rotate", {}, 200)
    assert "stays valid for 1 d" in text
    await send_form(world, "/host/nas/keys/revoke", {}, 303)
    answer = await world.client.get(page, headers=await world.cookie(Role.EDITOR))
    assert "<b>No key.</b>" in await answer.text()
    answer = await world.client.get(page, headers=await world.cookie(Role.VIEWER))
    assert "New key" not in await answer.text()
