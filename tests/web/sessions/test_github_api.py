"""GitHub's secrets: stored encrypted, used at once, and shown nowhere."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from daemon.server.project_analytics import KeyRingSealing
from storage.api.accounts import Role
from tests.web.world import World, opened_events, world_at
from web.identity.keys import KeyRing

NOW_MS = 1_795_168_800_000
PATH = "/api/session-github"
TOKEN, SECRET = "github_pat_0123456789abcdef", "a secret of webhooks"
GITHUB = {"repositories": ["o/r"]}


@pytest.fixture
async def keys(tmp_path: Path) -> KeyRing:
    return await asyncio.to_thread(KeyRing.open, tmp_path / "own-keys.json", NOW_MS)


@pytest.fixture
async def world(
    tmp_path: Path, aiohttp_client: AiohttpClient, keys: KeyRing
) -> AsyncIterator[World]:
    settings = SessionSettings.model_validate({"github": GITHUB})
    folder = tmp_path / "sessions"
    await asyncio.to_thread(folder.mkdir)
    async with opened_events(folder) as events:
        store, sealing = events.agent_sessions, KeyRingSealing(keys)
        sessions = AgentSessions.over(settings, store, lambda: NOW_MS, sealing)
        async with world_at(tmp_path, aiohttp_client, agent_sessions=sessions) as opened:
            yield opened


async def put(world: World, **secrets: str) -> tuple[int, str]:
    headers = await world.bearer(Role.ADMIN)
    response = await world.client.put(PATH, json=secrets, headers=headers)
    return response.status, await response.text()


async def webhook(world: World, secret: str) -> int:
    body = json.dumps({"zen": "Keep it logically awesome."}).encode()
    digest = hmac.digest(secret.encode(), body, "sha256").hex()
    response = await world.client.post(
        "/api/session-outcomes/github",
        data=body,
        headers={"X-Hub-Signature-256": f"sha256={digest}"},
    )
    return response.status


async def test_stored_secrets_are_used_and_no_answer_or_log_contains_them(world: World) -> None:
    assert await webhook(world, SECRET) == 404
    status, text = await put(world, token=TOKEN, webhook_secret=SECRET)
    assert status == 200, text
    headers = await world.bearer(Role.ADMIN)
    shown = await (await world.client.get(PATH, headers=headers)).text()
    audit = await (await world.client.get("/api/audit", headers=headers)).text()
    assert "session-github.set" in audit
    for answer in (text, shown, audit, str(world.logs)):
        assert TOKEN not in answer
        assert SECRET not in answer
    found = json.loads(shown)
    assert found["repositories"] == ["o/r"]
    assert found["token"]["origin"] == found["webhook_secret"]["origin"] == "store"
    assert found["token"]["set_at"]
    assert await world.services.agent_sessions.secrets.token() == TOKEN
    assert await webhook(world, SECRET) == 200
    assert await webhook(world, "another secret") == 403


async def test_the_database_holds_no_secret_in_the_clear(world: World, tmp_path: Path) -> None:
    await put(world, token=TOKEN, webhook_secret=SECRET)

    def contents() -> bytes:
        files = [file for file in (tmp_path / "sessions").rglob("*") if file.is_file()]
        assert files
        return b"".join(file.read_bytes() for file in files)

    found = await asyncio.to_thread(contents)
    assert TOKEN.encode() not in found
    assert SECRET.encode() not in found


async def test_removed_secret_is_used_no_more(world: World) -> None:
    await put(world, webhook_secret=SECRET)
    headers = await world.bearer(Role.ADMIN)
    path = f"{PATH}?name=webhook_secret"
    response = await world.client.delete(path, headers=headers)
    assert (await response.json())["webhook_secret"] == {"origin": "none", "set_at": None}
    assert await webhook(world, SECRET) == 404
    assert (await world.client.delete(path, headers=headers)).status == 404


async def test_secret_that_another_key_has_sealed_is_to_be_set_again(
    world: World, tmp_path: Path
) -> None:
    await put(world, webhook_secret=SECRET)
    other = await asyncio.to_thread(KeyRing.open, tmp_path / "other-keys.json", NOW_MS)
    world.services.agent_sessions.secrets._sealing = KeyRingSealing(other)
    assert await webhook(world, SECRET) == 404
    assert any(entry["event"] == "github_webhook_secret_unreadable" for entry in world.logs)
    await put(world, webhook_secret="a newer secret")
    assert await webhook(world, "a newer secret") == 200


async def test_configured_secret_goes_first_and_is_not_replaced(
    tmp_path: Path, aiohttp_client: AiohttpClient, keys: KeyRing
) -> None:
    values = {"github": {**GITHUB, "token": TOKEN}, "github_webhook_secret": SECRET}
    settings = SessionSettings.model_validate(values)
    async with opened_events(tmp_path) as events:
        store, sealing = events.agent_sessions, KeyRingSealing(keys)
        sessions = AgentSessions.over(settings, store, lambda: NOW_MS, sealing)
        async with world_at(tmp_path, aiohttp_client, agent_sessions=sessions) as world:
            status, text = await put(world, token="github_pat_another")
            assert status == 400
            assert json.loads(text) == {
                "error": "the configuration sets it; remove it there first",
                "field": "token",
            }
            headers = await world.bearer(Role.ADMIN)
            found = await (await world.client.get(PATH, headers=headers)).json()
            assert found["token"] == {"origin": "configuration", "set_at": None}
            assert await webhook(world, SECRET) == 200


async def test_invalid_secret_is_refused_without_being_quoted(world: World) -> None:
    for secrets in ({"token": "short"}, {"webhook_secret": "x" * 5000}, {}):
        status, text = await put(world, **secrets)
        assert status == 400
        for secret in secrets.values():
            assert secret not in text


async def submit(
    world: World, path: str, role: Role = Role.ADMIN, **fields: str
) -> tuple[int, str]:
    """Send a form of the set-up page; return the status and the page or the address after it."""
    answer = await world.client.post(
        f"/sessions/setup/github{path}",
        data=fields,
        headers=await world.cookie(role),
        allow_redirects=False,
    )
    return answer.status, answer.headers.get("Location") or await answer.text()


async def test_form_stores_what_is_filled_in_and_shows_no_secret(world: World) -> None:
    after = (303, "/sessions/setup#github")
    assert await submit(world, "", token=TOKEN, webhook_secret=" ") == after
    text = await world.page("/sessions/setup")
    assert TOKEN not in text
    assert 'name="name" value="token"' in text
    assert 'name="name" value="webhook_secret"' not in text
    assert await submit(world, "", webhook_secret=SECRET) == after
    assert await webhook(world, SECRET) == 200
    assert await submit(world, "/remove", name="webhook_secret") == after
    assert await webhook(world, SECRET) == 404


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "fill in the token"),
        ({"token": "  "}, "fill in the token"),
        ({"token": "short"}, "field-token"),
        ({"webhook_secret": "x" * 5000}, "field-webhook_secret"),
    ],
)
async def test_form_names_what_is_wrong_without_quoting_it(
    world: World, fields: dict[str, str], problem: str
) -> None:
    status, text = await submit(world, "", Role.ADMIN, **fields)
    assert status == 400
    assert problem in text
    assert 'aria-invalid="true"' in text
    assert "x" * 100 not in text


async def test_only_admins_see_and_send_the_form(world: World) -> None:
    assert (await submit(world, "", Role.EDITOR, token=TOKEN))[0] == 403
    assert "setup/github" not in await world.page("/sessions/setup", role=Role.EDITOR)
