import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from tests.web.world import PASSWORD, World, world_at
from web.identity.names import UserName
from web.settings import WebSettings

BEHIND_A_PROXY = {
    "trusted_proxies": ["127.0.0.0/8"],
    "trusted_header": "X-Remote-User",
    "trusted_role_header": "X-Remote-Role",
}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings.model_validate(BEHIND_A_PROXY)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        yield world


async def role_of(world: World, name: str) -> Role | None:
    user = await world.accounts.user(name)
    return user.role if user else None


async def session(world: World, **headers: str) -> tuple[int, object]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await world.client.get("/api/session", headers=given)
    return answer.status, (await answer.json()).get("user")


async def test_named_user_is_made_on_first_sight_with_the_default_role(world: World) -> None:
    assert await session(world, X_Remote_User="ann") == (200, {"name": "ann", "role": "viewer"})
    assert await session(world, X_Remote_User="ann") == (200, {"name": "ann", "role": "viewer"})
    assert [user.name for user in await world.accounts.users()] == ["ann"]
    (entry,) = await world.services.audit.entries(10)
    assert (entry.actor, entry.action, entry.subject) == ("proxy", "user.add", "ann")


async def test_side_by_side_first_requests_make_one_user(world: World) -> None:
    found = await asyncio.gather(*(session(world, X_Remote_User="ann") for _ in range(6)))
    assert {status for status, _ in found} == {200}
    assert len(await world.accounts.users()) == 1


async def test_role_follows_the_proxys_header(world: World) -> None:
    await world.user("the-admin")
    for told, expected in (
        ("editor", Role.EDITOR),
        (" Admin ", Role.ADMIN),
        ("nonsense", Role.ADMIN),
        ("viewer", Role.VIEWER),
    ):
        await session(world, X_Remote_User="ann", X_Remote_Role=told)
        assert await role_of(world, "ann") is expected, told


async def test_proxy_degrades_no_last_admin(world: World) -> None:
    await world.user("ann", Role.ADMIN)
    status, _ = await session(world, X_Remote_User="ann", X_Remote_Role="viewer")
    assert status == 200
    assert await role_of(world, "ann") is Role.ADMIN


async def test_header_of_anybody_else_says_nothing(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate(BEHIND_A_PROXY | {"trusted_proxies": ["10.0.0.0/8"]})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        forwarded = {"X_Remote_User": "ann", "X_Forwarded_For": "10.0.0.1"}
        assert (await session(world, **forwarded))[0] == 401
        assert await world.accounts.users() == []


async def test_header_says_nothing_unless_configured(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate({"trusted_proxies": ["127.0.0.0/8"]})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        assert (await session(world, X_Remote_User="ann"))[0] == 401


async def test_empty_header_leaves_other_logins(world: World) -> None:
    headers = await world.bearer()
    assert (await session(world, X_Remote_User=""))[0] == 401
    assert (await session(world, X_Remote_User="", **headers))[0] == 200


async def test_two_names_are_refused(world: World) -> None:
    answer = await world.client.get(
        "/api/session", headers=[("X-Remote-User", "ann"), ("X-Remote-User", "admin")]
    )
    assert answer.status == 401
    assert await world.accounts.users() == []


@pytest.mark.parametrize("name", ["x" * 65, "a\tb", "\udcff"])
async def test_name_that_no_user_may_have_is_refused(world: World, name: str) -> None:
    answer = await world.client.get("/api/session", headers={"X-Remote-User": name})
    assert answer.status in (400, 401)
    assert await world.accounts.users() == []


async def test_basic_credentials_of_the_proxy_are_no_token(world: World) -> None:
    basic = "Basic " + base64.b64encode(b"ann:her password at the proxy").decode()
    assert (await session(world, X_Remote_User="ann", Authorization=basic))[0] == 200


async def test_user_of_the_proxy_has_no_password_to_log_in_with(world: World) -> None:
    await session(world, X_Remote_User="ann")
    for password in ("", PASSWORD):
        body = {"username": "ann", "password": password}
        assert (await world.client.post("/auth/token", json=body)).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
    ],
)
async def test_another_site_cannot_use_the_proxys_login(
    world: World, headers: dict[str, str], status: int
) -> None:
    named = {"X-Remote-User": "ann", "X-Remote-Role": "editor"}
    body = {"name": "db-1", "url": "db-1"}
    answer = await world.client.post("/api/hosts", json=body, headers=named | headers)
    assert answer.status == status


async def test_another_site_cannot_use_a_stored_basic_login(world: World) -> None:
    token = (await world.bearer())["Authorization"].removeprefix("Bearer ")
    basic = {"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()}
    body = {"name": "db-1", "url": "db-1"}
    foreign = basic | {"Sec-Fetch-Site": "cross-site"}
    assert (await world.client.post("/api/hosts", json=body, headers=foreign)).status == 403
    assert (await world.client.post("/api/hosts", json=body, headers=basic)).status == 201


async def test_page_of_a_proxys_user_offers_no_password(world: World) -> None:
    answer = await world.client.get("/account", headers={"X-Remote-User": "ann"})
    text = await answer.text()
    assert "a proxy in front" in text
    assert "Current password" not in text


@pytest.mark.parametrize(
    "settings",
    [
        {"trusted_header": "X-Remote-User"},
        {"trusted_role_header": "X-Remote-Role", "trusted_proxies": ["127.0.0.1"]},
        {"trusted_header": "X Remote", "trusted_proxies": ["127.0.0.1"]},
    ],
)
def test_header_without_proxies_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate(settings)


@settings(deadline=None)
@given(st.text())
def test_any_name_is_accepted_or_refused(name: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(UserName)
    try:
        taken = adapter.validate_python(name)
    except ValidationError:
        return
    assert taken.isprintable()
    assert 0 < len(taken) <= 64
