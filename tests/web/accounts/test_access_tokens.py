import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind, Scope
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, signed_token, world_at
from web.accounts.forms import RegisterForm, ServiceLoginForm
from web.settings import WebSettings

ANN = {"username": "ann", "password": PASSWORD}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def token_of(world: World, path: str = "/auth/token") -> str:
    await world.user("ann")
    answer = await world.client.post(path, json=ANN)
    assert answer.status == 200
    return str((await answer.json())["access_token"])


async def status_with(world: World, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await world.client.get("/api/session", headers=headers)).status


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return decoded


async def test_token_is_a_signed_jwt_that_names_user_end_and_scope(world: World) -> None:
    token = await token_of(world)
    assert part(token, 0)["alg"] == "HS256"
    claims = part(token, 1)
    assert (claims["sub"], claims["iss"], claims["scope"]) == ("ann", "redshank", "write")
    assert claims["exp"] - claims["iat"] == 1800
    stored = await world.accounts.credentials((await world.user("ann")).id, NOW_MS)
    assert [each.kind for each in stored] == [CredentialKind.JWT]
    assert claims["jti"] not in repr(stored)


async def test_what_the_token_names_is_no_token_by_itself(world: World) -> None:
    token = await token_of(world)
    assert await status_with(world, part(token, 1)["jti"]) == 401


@pytest.mark.parametrize("end", ["password", "removal", "revocation", "refresh", "all"])
async def test_token_ends_at_once_with_its_credential(world: World, end: str) -> None:
    token, admin = await token_of(world), await world.bearer()
    assert await status_with(world, token) == 200
    (credential,) = await world.accounts.credentials((await world.user("ann")).id, NOW_MS)
    own = {"Authorization": f"Bearer {token}"}
    match end:
        case "password":
            body = {"password": "another long one"}
            await world.client.put("/api/users/ann/password", json=body, headers=admin)
        case "removal":
            await world.client.delete("/api/users/ann", headers=admin)
        case "revocation":
            await world.client.delete(f"/api/account/credentials/{credential.id}", headers=own)
        case "refresh":
            await world.client.post("/auth/refresh", headers=own)
        case "all":
            await world.client.delete("/api/users/ann/credentials", headers=admin)
    assert await status_with(world, token) == 401


async def test_token_ends_with_its_time(world: World) -> None:
    token = await token_of(world)
    world.now[0] += 1_799_999
    assert await status_with(world, token) == 200
    world.now[0] += 1
    assert await status_with(world, token) == 401


async def test_token_is_accepted_as_api_key_and_as_basic_password(world: World) -> None:
    token = await token_of(world)
    basic = base64.b64encode(f"any:{token}".encode()).decode()
    for headers in ({"X-API-Key": token}, {"Authorization": f"Basic {basic}"}):
        assert (await world.client.get("/api/session", headers=headers)).status == 200


async def test_role_counts_as_it_is_now_not_as_it_was_when_signed(world: World) -> None:
    token, admin = await token_of(world), await world.bearer()
    await world.client.put("/api/users/ann/role", json={"role": "viewer"}, headers=admin)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.client.get("/api/users", headers=headers)).status == 403


async def test_refresh_of_a_narrow_token_widens_nothing(world: World) -> None:
    renewed = await signed_token(world, frozenset({Scope.READ}))
    again = await (await world.client.post("/auth/refresh", headers=renewed)).json()
    assert part(again["access_token"], 1)["scope"] == "read"
    last = {"Authorization": f"Bearer {again['access_token']}"}
    assert (await world.client.get("/api/users", headers=last)).status == 403


async def test_rotated_key_signs_new_tokens_and_old_ones_last_their_time(world: World) -> None:
    old, admin = await token_of(world), await world.bearer()
    answer = await world.client.post("/api/keys/rotate", json={}, headers=admin)
    assert answer.status == 204
    new = await token_of(world)
    assert part(old, 0)["kid"] != part(new, 0)["kid"]
    assert [await status_with(world, token) for token in (old, new)] == [200, 200]
    await world.client.post("/api/keys/rotate", json={"at_once": True}, headers=admin)
    assert [await status_with(world, token) for token in (old, new)] == [401, 401]


async def test_ended_token_is_not_refreshed_but_name_and_password_are_accepted(
    world: World,
) -> None:
    token = await token_of(world)
    world.now[0] += 1_800_000
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.client.post("/auth/refresh", headers=headers)).status == 401
    answer = await world.client.post("/auth/refresh", headers=headers, json=ANN)
    assert answer.status == 200
    assert (await world.client.post("/auth/refresh")).status == 400


async def test_login_of_the_replaced_service_answers_a_token(world: World) -> None:
    assert await status_with(world, await token_of(world, "/api/v1/auth/login")) == 200
    form = await world.client.post("/api/v1/auth/login", data={**ANN, "grant_type": "password"})
    assert form.status == 200
    mail = {"email": "ann", "password": PASSWORD}
    assert (await world.client.post("/api/v1/auth/login", json=mail)).status == 200
    wrong = await world.client.post("/api/v1/auth/login", json={**ANN, "password": "x"})
    assert wrong.status == 401
    assert (await wrong.json())["error"] == "wrong user name or password"
    for body in (b"", b"[]", b'{"username": 7}'):
        assert (await world.client.post("/api/v1/auth/login", data=body)).status == 400


async def test_registration_is_closed_unless_opened(world: World) -> None:
    answer = await world.client.post("/api/v1/auth/register", json=ANN)
    assert answer.status == 403
    assert "registration is closed" in (await answer.json())["error"]
    assert await world.accounts.user("ann") is None


async def test_open_registration_makes_viewers(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(registration=True)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        body = {"email": "bo@example.org", "password": PASSWORD, "role": "admin"}
        answer = await world.client.post("/api/v1/auth/register", json=body)
        assert answer.status == 201
        made = await answer.json()
        assert (made["username"], made["role"]) == ("bo@example.org", "viewer")
        assert PASSWORD not in json.dumps(made)
        again = await world.client.post("/api/v1/auth/register", json=body)
        assert again.status == 409
        short = await world.client.post(
            "/api/v1/auth/register", json={"username": "x", "password": "short"}
        )
        assert (short.status, (await short.json())["field"]) == (400, "password")
        login = {"email": "bo@example.org", "password": PASSWORD}
        assert (await world.client.post("/api/v1/auth/login", json=login)).status == 200


async def test_one_address_makes_so_many_accounts_only(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client, WebSettings(registration=True)) as world:
        answers = await asyncio.gather(
            *(
                world.client.post(
                    "/api/v1/auth/register", json={"username": f"u{n}", "password": PASSWORD}
                )
                for n in range(12)
            )
        )
        assert sorted(answer.status for answer in answers) == [201] * 10 + [429] * 2
        world.now[0] += 3_600_000
        later = {"username": "later", "password": PASSWORD}
        assert (await world.client.post("/api/v1/auth/register", json=later)).status == 201


@settings(deadline=None)
@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), st.text()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    for form in (RegisterForm, ServiceLoginForm):
        with pytest.raises(ValidationError):
            form.model_validate_json(body)
