from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind, Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, opened_records, world_at
from web.identity.first_admin import ensure_first_admin
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def log_in(world: World, name: str, password: str, target: str = "/") -> int:
    form = {"username": name, "password": password, "next": target}
    answer = await world.client.post("/login", data=form, allow_redirects=False)
    return answer.status


async def test_first_admin_gets_a_generated_password_once(tmp_path: Path) -> None:
    async with opened_records(tmp_path) as records:
        generated = await ensure_first_admin(records.accounts, None, NOW_MS)
        assert generated is not None
        assert len(generated) == 23
        (user,) = await records.accounts.users()
        assert (user.name, user.role) == ("admin", Role.ADMIN)
        assert generated not in user.password_hash
        assert await ensure_first_admin(records.accounts, None, NOW_MS) is None


async def test_first_admin_with_a_given_password_logs_in(world: World) -> None:
    assert await ensure_first_admin(world.accounts, "given by the operator", NOW_MS) is None
    assert await log_in(world, "admin", "given by the operator") == 303


async def test_login_sets_a_cookie_that_opens_the_api(world: World) -> None:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD, "next": "/alerts?state=firing"}
    answer = await world.client.post("/login", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/alerts?state=firing"
    cookie = answer.cookies["redshank_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]
    session = await (await world.client.get("/api/session")).json()
    assert session["user"] == {"name": "ann", "role": "admin"}
    assert session["credential"] == "session"
    stored = await world.accounts.credentials((await world.user("ann")).id, NOW_MS)
    assert cookie.value not in repr(stored)


async def test_https_makes_the_cookie_secure_and_bound_to_the_host(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate({"public_url": "https://mon.example.org"})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        await world.user("ann")
        form = {"username": "ann", "password": PASSWORD}
        headers = {"Origin": "https://mon.example.org"}
        answer = await world.client.post(
            "/login", data=form, headers=headers, allow_redirects=False
        )
        assert answer.status == 303
        assert answer.cookies["__Host-redshank_session"]["secure"]


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "/\t/evil", "x", ""],
)
async def test_login_redirects_to_this_server_only(world: World, target: str) -> None:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD, "next": target}
    answer = await world.client.post("/login", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/"


async def test_unknown_user_and_wrong_password_look_the_same(world: World) -> None:
    await world.user("ann")
    answers = [
        await world.client.post("/auth/token", json={"username": name, "password": "wrong"})
        for name in ("ann", "nobody")
    ]
    assert [answer.status for answer in answers] == [401, 401]
    assert await answers[0].json() == await answers[1].json()


async def test_sixth_guess_is_refused_for_a_while_even_if_right(world: World) -> None:
    await world.user("ann")
    for _ in range(5):
        assert await log_in(world, "ann", "wrong") == 401
    body = {"username": "ann", "password": PASSWORD}
    refused = await world.client.post("/auth/token", json=body)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) == 900
    assert await log_in(world, "bob", "wrong") == 401
    world.now[0] += 900_000
    assert (await world.client.post("/auth/token", json=body)).status == 200


async def test_token_opens_the_api_and_ends_after_its_time(world: World) -> None:
    await world.user("ann")
    body = {"username": "ann", "password": PASSWORD, "grant_type": "password"}
    answer = await world.client.post("/auth/token", json=body)
    token = await answer.json()
    assert token["token_type"] == "bearer"
    assert token["expires_in"] == 1800
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert (await world.client.get("/api/session", headers=headers)).status == 200
    world.now[0] += 1_800_000
    assert (await world.client.get("/api/session", headers=headers)).status == 401


async def test_refresh_replaces_the_token(world: World) -> None:
    await world.user("ann")
    body = {"username": "ann", "password": PASSWORD}
    first = await (await world.client.post("/auth/token", json=body)).json()
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    fresh = await (await world.client.post("/auth/refresh", headers=headers)).json()
    assert (await world.client.get("/api/session", headers=headers)).status == 401
    renewed = {"Authorization": f"bearer {fresh['access_token']}"}
    assert (await world.client.get("/api/session", headers=renewed)).status == 200


async def test_refresh_leaves_a_long_lived_token_alone(world: World) -> None:
    headers = await world.bearer()
    refused = await world.client.post("/auth/refresh", headers=headers)
    assert refused.status == 403
    assert "long-lived token cannot be refreshed" in await refused.text()
    assert (await world.client.get("/api/session", headers=headers)).status == 200


async def test_refresh_accepts_name_and_password(world: World) -> None:
    await world.user("ann")
    body = {"username": "ann", "password": PASSWORD}
    assert (await world.client.post("/auth/refresh", json=body)).status == 200


async def test_session_secret_is_no_bearer_token_and_the_other_way_round(world: World) -> None:
    session = await world.secret(CredentialKind.SESSION)
    bearer = await world.secret(CredentialKind.BEARER)
    as_bearer = {"Authorization": f"Bearer {session}"}
    as_cookie = {"Cookie": f"redshank_session={bearer}"}
    assert (await world.client.get("/api/session", headers=as_bearer)).status == 401
    assert (await world.client.get("/api/session", headers=as_cookie)).status == 401


async def test_logout_ends_the_session_on_the_server(world: World) -> None:
    headers = await world.cookie()
    answer = await world.client.post("/logout", headers=headers, allow_redirects=False)
    assert answer.headers["Location"] == "/login"
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert (await world.client.get("/api/session", headers=headers)).status == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Sec-Fetch-Site": "none"}, 204),
        ({}, 204),
    ],
)
async def test_unsafe_request_of_another_site_is_refused(
    world: World, headers: dict[str, str], status: int
) -> None:
    cookie = await world.cookie()
    user = await world.user("the-admin")
    other = await world.accounts.add_credential(
        user.id, CredentialKind.BEARER, "hash", "other", NOW_MS, NOW_MS + 1000
    )
    answer = await world.client.delete(
        f"/api/account/credentials/{other.id}", headers={**cookie, **headers}
    )
    assert answer.status == status


async def test_form_of_another_site_cannot_log_anybody_in(world: World) -> None:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD}
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await world.client.post("/login", data=form, headers=headers)
    assert answer.status == 403


async def test_own_origin_is_accepted_without_fetch_metadata(world: World) -> None:
    cookie = await world.cookie()
    origin = str(world.client.make_url("/").origin())
    answer = await world.client.post(
        "/logout", headers={**cookie, "Origin": origin}, allow_redirects=False
    )
    assert answer.status == 303


async def test_password_change_ends_every_session_and_token(world: World) -> None:
    await world.user("ann")
    assert await log_in(world, "ann", PASSWORD) == 303
    body = {"username": "ann", "password": PASSWORD}
    token = (await (await world.client.post("/auth/token", json=body)).json())["access_token"]
    wrong = {"current_password": "not it", "new_password": "a new long one"}
    refused = await world.client.put("/api/account/password", json=wrong)
    assert (refused.status, (await refused.json())["field"]) == (400, "current_password")
    right = {"current_password": PASSWORD, "new_password": "a new long one"}
    assert (await world.client.put("/api/account/password", json=right)).status == 204
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await world.client.get("/api/session")).status == 401
    assert (await world.client.get("/api/session", headers=bearer)).status == 401
    assert await log_in(world, "ann", "a new long one") == 303


async def test_short_password_is_refused_by_field(world: World) -> None:
    headers = await world.bearer()
    body = {"name": "bob", "password": "short"}
    answer = await world.client.post("/api/users", json=body, headers=headers)
    assert answer.status == 400
    assert (await answer.json())["field"] == "password"


async def test_admin_adds_and_removes_users_but_not_herself(world: World) -> None:
    headers = await world.bearer()
    body = {"name": "bob", "role": "editor", "password": "long enough for us"}
    added = await world.client.post("/api/users", json=body, headers=headers)
    assert added.status == 201
    assert "password" not in await added.text()
    assert (await world.client.post("/api/users", json=body, headers=headers)).status == 409
    listed = await (await world.client.get("/api/users", headers=headers)).json()
    assert [user["name"] for user in listed["users"]] == ["bob", "the-admin"]
    assert (await world.client.delete("/api/users/bob", headers=headers)).status == 204
    assert (await world.client.delete("/api/users/bob", headers=headers)).status == 404
    assert (await world.client.delete("/api/users/the-admin", headers=headers)).status == 409


async def test_token_is_returned_once_and_can_be_revoked(world: World) -> None:
    headers = await world.cookie(Role.VIEWER)
    answer = await world.client.post(
        "/api/account/tokens", json={"label": "grafana", "lifetime_days": 30}, headers=headers
    )
    made = await answer.json()
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    world.now[0] += 86_400_000 - 1
    listed = await (await world.client.get("/api/account/credentials", headers=bearer)).json()
    assert [each["label"] for each in listed["credentials"]] == ["grafana", "test"]
    assert made["access_token"] not in repr(listed)
    path = f"/api/account/credentials/{made['id']}"
    assert (await world.client.delete(path, headers=bearer)).status == 204
    assert (await world.client.get("/api/session", headers=bearer)).status == 401


async def test_nobody_revokes_somebody_elses_session(world: World) -> None:
    await world.secret(CredentialKind.SESSION, Role.ADMIN)
    admin = await world.user("the-admin")
    (theirs,) = await world.accounts.credentials(admin.id, NOW_MS)
    headers = await world.bearer(Role.VIEWER)
    path = f"/api/account/credentials/{theirs.id}"
    assert (await world.client.delete(path, headers=headers)).status == 404


async def test_last_use_is_noted_once_a_minute(world: World) -> None:
    headers = await world.bearer()
    world.now[0] += 59_999
    admin = await world.user("the-admin")
    await world.client.get("/api/session", headers=headers)
    (credential,) = await world.accounts.credentials(admin.id, NOW_MS)
    assert credential.last_used_ms == NOW_MS
    world.now[0] += 1
    await world.client.get("/api/session", headers=headers)
    (credential,) = await world.accounts.credentials(admin.id, NOW_MS)
    assert credential.last_used_ms == NOW_MS + 60_000


async def test_address_behind_a_trusted_proxy_is_what_counts(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate({"trusted_proxies": ["127.0.0.0/8"]})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        await world.user("ann")
        body = {"username": "ann", "password": "wrong"}
        near = {"X-Forwarded-For": "203.0.113.7"}
        for _ in range(5):
            await world.client.post("/auth/token", json=body, headers=near)
        assert (await world.client.post("/auth/token", json=body, headers=near)).status == 429
        forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        assert (await world.client.post("/auth/token", json=body, headers=forged)).status == 429
        far = {"X-Forwarded-For": "203.0.113.8"}
        assert (await world.client.post("/auth/token", json=body, headers=far)).status == 401
