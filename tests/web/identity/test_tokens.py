import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Credential, CredentialKind, Role, Scope, User
from tests.web.world import PASSWORD, World, signed_token, world_at
from web.http.routing import Access, Principal
from web.identity.tokens import token_of

READ, WRITE, PUSH = (frozenset({scope}) for scope in (Scope.READ, Scope.WRITE, Scope.PUSH))


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sender(role: Role, scopes: frozenset[Scope]) -> Principal:
    credential = Credential(1, 1, CredentialKind.BEARER, "hash", "", 0, 1, 0, scopes)
    return Principal(User(1, "ann", role, "", 0), credential)


ROLED = {Access.VIEWER, Access.USER, Access.PUSH, Access.EDITOR, Access.ADMIN}


@pytest.mark.parametrize(
    ("role", "scopes", "allowed"),
    [
        (Role.ADMIN, WRITE, ROLED),
        (Role.EDITOR, WRITE, ROLED - {Access.ADMIN}),
        (Role.VIEWER, WRITE, {Access.VIEWER, Access.USER}),
        (Role.ADMIN, READ, {Access.VIEWER}),
        (Role.VIEWER, READ, {Access.VIEWER}),
        (Role.ADMIN, PUSH, {Access.PUSH}),
        (Role.EDITOR, PUSH, {Access.PUSH}),
        (Role.VIEWER, PUSH, set()),
        (Role.EDITOR, READ | PUSH, {Access.VIEWER, Access.PUSH}),
        (Role.ADMIN, frozenset(), set()),
    ],
)
def test_token_may_what_both_its_role_and_its_scopes_allow(
    role: Role, scopes: frozenset[Scope], allowed: set[Access]
) -> None:
    assert {access for access in ROLED if sender(role, scopes).may(access)} == allowed


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"X-API-Key": "abc"}, "abc"),
        ({"X-API-Key": ""}, ""),
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer  abc "}, "abc"),
        ({"Authorization": "Bearer"}, ""),
        ({"Authorization": "Digest abc"}, ""),
        ({"Authorization": basic("", "abc")}, "abc"),
        ({"Authorization": basic("any", "a:b")}, "a:b"),
        ({"Authorization": "Basic !!!"}, ""),
        ({"Authorization": "Basic"}, ""),
        ({"Authorization": "Bearer wrong", "X-API-Key": "abc"}, "wrong"),
    ],
)
def test_token_is_found_in_each_header(headers: dict[str, str], token: str | None) -> None:
    assert token_of(headers) == token


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_header_is_read_without_an_error(authorization: str, key: str) -> None:
    for scheme in ("", "Basic ", "Bearer "):
        found = token_of({"Authorization": scheme + authorization, "X-API-Key": key})
        assert isinstance(found, str)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters=":", codec="utf-8")), st.text(min_size=1))
def test_basic_password_round_trip(user: str, password: str) -> None:
    password = password.encode("utf-8", "replace").decode()
    assert token_of({"Authorization": basic(user, password)}) == password


async def test_each_header_opens_the_api(world: World) -> None:
    secret = await world.secret(CredentialKind.BEARER, Role.VIEWER)
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"X-API-Key": secret},
        {"Authorization": basic("whoever", secret)},
        {"Authorization": basic("", secret)},
    ):
        assert (await world.client.get("/api/fleet", headers=headers)).status == 200


async def test_password_of_an_account_is_no_token(world: World) -> None:
    await world.user("ann")
    for headers in ({"Authorization": basic("ann", PASSWORD)}, {"X-API-Key": PASSWORD}):
        answer = await world.client.get("/api/fleet", headers=headers)
        assert answer.status == 401
        assert "error" in await answer.json()


async def test_session_secret_is_no_api_key(world: World) -> None:
    secret = await world.secret(CredentialKind.SESSION)
    answer = await world.client.get("/api/fleet", headers={"X-API-Key": secret})
    assert answer.status == 401


async def test_reading_token_of_an_admin_changes_nothing(world: World) -> None:
    headers = await world.bearer(Role.ADMIN, READ)
    assert (await world.client.get("/api/fleet", headers=headers)).status == 200
    answer = await world.client.post("/api/hosts", json={}, headers=headers)
    assert answer.status == 403
    assert (await answer.json())["error"].endswith("it has only the scope read")
    made = await world.client.post("/api/account/tokens", json={"label": "x"}, headers=headers)
    assert made.status == 403


async def test_refreshed_token_keeps_its_scopes(world: World) -> None:
    headers = await signed_token(world, PUSH)
    fresh = await (await world.client.post("/auth/refresh", headers=headers)).json()
    renewed = {"Authorization": f"Bearer {fresh['access_token']}"}
    assert (await world.client.get("/api/session", headers=renewed)).status == 403


async def test_scopes_are_chosen_when_a_token_is_made(world: World) -> None:
    headers = await world.cookie(Role.EDITOR)
    for given_scopes, stored in (("read push", ["push", "read"]), (["push"], ["push"])):
        body = {"label": "device", "scopes": given_scopes}
        answer = await world.client.post("/api/account/tokens", json=body, headers=headers)
        assert answer.status == 201
        assert (await answer.json())["scopes"] == stored


@pytest.mark.parametrize("scopes", [[], "", ["admin"], "read,write", 7])
async def test_unknown_scopes_are_refused_by_field(world: World, scopes: object) -> None:
    answer = await world.client.post(
        "/api/account/tokens", json={"label": "x", "scopes": scopes}, headers=await world.cookie()
    )
    assert answer.status == 400
    assert (await answer.json())["field"].startswith("scopes")


async def test_viewer_makes_no_pushing_token(world: World) -> None:
    headers = await world.cookie(Role.VIEWER)
    body = {"label": "device", "scopes": ["push"]}
    answer = await world.client.post("/api/account/tokens", json=body, headers=headers)
    assert (answer.status, (await answer.json())["field"]) == (400, "scopes")
