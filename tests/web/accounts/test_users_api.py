import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from storage.api.accounts import CredentialKind, Role
from tests.patience import PATIENCE_S
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.identity import passwords
from web.identity.secret_hashes import secret_hash


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def logged_in(world: World, cookie: str = "") -> str:
    """Log ann in by the page; return her session's cookie."""
    await world.user("ann")
    headers = {"Cookie": f"redshank_session={cookie}"} if cookie else {}
    form = {"username": "ann", "password": PASSWORD}
    answer = await world.client.post("/login", data=form, headers=headers, allow_redirects=False)
    assert answer.status == 303
    world.client.session.cookie_jar.clear()
    return answer.cookies["redshank_session"].value


async def is_live(world: World, cookie: str) -> bool:
    headers = {"Cookie": f"redshank_session={cookie}"}
    return (await world.client.get("/api/session", headers=headers)).status == 200


async def test_session_id_planted_before_the_login_is_invalid(world: World) -> None:
    planted = "planted-by-somebody-else"
    cookie = await logged_in(world, planted)
    assert cookie != planted
    assert not await is_live(world, planted)


async def test_login_ends_the_browsers_session_before(world: World) -> None:
    first = await logged_in(world)
    second = await logged_in(world, first)
    assert not await is_live(world, first)
    assert await is_live(world, second)


async def test_session_ends_after_its_time(world: World) -> None:
    cookie = await logged_in(world)
    for _ in range(5):
        world.now[0] += 6 * 86_400_000 - 1
        assert await is_live(world, cookie)
    world.now[0] += 5
    assert not await is_live(world, cookie)


async def test_user_ends_all_other_sessions(world: World) -> None:
    one, other = await logged_in(world), await logged_in(world)
    headers = {"Cookie": f"redshank_session={one}"}
    answer = await world.client.post("/account/credentials/revoke-others", headers=headers)
    assert "All other sessions" in await answer.text()
    assert await is_live(world, one)
    assert not await is_live(world, other)


async def test_admin_lists_and_ends_anybodys_sessions(world: World) -> None:
    cookies = [await logged_in(world) for _ in range(3)]
    admin = await world.bearer()
    path = "/api/users/ann/credentials"
    listed = (await (await world.client.get(path, headers=admin)).json())["credentials"]
    assert [each["kind"] for each in listed] == ["session"] * 3
    assert all(each["expires_ms"] > each["last_used_ms"] for each in listed)
    newest = f"{path}/{listed[0]['id']}"
    assert (await world.client.delete(newest, headers=admin)).status == 204
    assert (await world.client.delete(newest, headers=admin)).status == 404
    assert not await is_live(world, cookies[-1])
    ended = await world.client.delete(path, headers=admin)
    assert await ended.json() == {"ended": 2}
    assert not await is_live(world, cookies[0])


async def test_id_of_somebody_elses_session_is_not_found_under_a_name(world: World) -> None:
    admin = await world.bearer()
    await world.user("ann")
    own = (await world.accounts.credentials((await world.user("the-admin")).id, NOW_MS))[0]
    path = f"/api/users/ann/credentials/{own.id}"
    assert (await world.client.delete(path, headers=admin)).status == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
async def test_nobody_but_admins_sees_or_ends_sessions(world: World, role: Role) -> None:
    await world.user("ann")
    for headers in (await world.bearer(role), await world.cookie(role)):
        for method, path in (
            ("GET", "/api/users/ann/credentials"),
            ("DELETE", "/api/users/ann/credentials"),
            ("POST", "/api/users/ann/tokens"),
            ("PUT", "/api/users/ann/role"),
        ):
            answer = await world.client.request(method, path, headers=headers, json={})
            assert answer.status == 403


async def test_role_changes_but_for_the_last_admin(world: World) -> None:
    admin = await world.bearer()
    await world.user("ann", Role.VIEWER)
    promote, demote = {"role": "admin"}, {"role": "viewer"}
    own = "/api/users/the-admin/role"
    last = await world.client.put(own, json=demote, headers=admin)
    assert (last.status, await last.json()) == (409, {"error": "the-admin is the last admin"})
    path = "/api/users/ann/role"
    assert (await world.client.put(path, json=promote, headers=admin)).status == 204
    assert (await world.client.put(own, json=demote, headers=admin)).status == 204
    assert (await world.client.get("/api/users", headers=admin)).status == 403


@pytest.mark.parametrize("body", [{}, {"role": "root"}, {"role": "admin", "name": "x"}])
async def test_wrong_role_is_refused(world: World, body: dict[str, str]) -> None:
    await world.user("ann")
    answer = await world.client.put("/api/users/ann/role", json=body, headers=await world.bearer())
    assert answer.status == 400


async def test_admin_makes_a_token_that_acts_as_the_user(world: World) -> None:
    await world.user("ann", Role.EDITOR)
    answer = await world.client.post(
        "/api/users/ann/tokens",
        json={"label": "pi", "scopes": ["read"], "lifetime_days": 2},
        headers=await world.bearer(),
    )
    made = await answer.json()
    assert (made["scopes"], made["expires_ms"]) == (["read"], NOW_MS + 2 * 86_400_000)
    headers = {"X-API-Key": made["access_token"]}
    session = await (await world.client.get("/api/session", headers=headers)).json()
    assert session["user"] == {"name": "ann", "role": "editor"}


async def test_unknown_user_is_not_found(world: World) -> None:
    admin = await world.bearer()
    for method, path, body in (
        ("PUT", "/api/users/nobody/role", {"role": "viewer"}),
        ("GET", "/api/users/nobody/credentials", {}),
        ("DELETE", "/api/users/nobody/credentials", {}),
        ("POST", "/api/users/nobody/tokens", {"label": "x"}),
        ("DELETE", "/api/users/nobody/second-factor", {}),
    ):
        answer = await world.client.request(method, path, headers=admin, json=body)
        assert answer.status == 404, path


async def test_page_of_a_user_changes_role_and_ends_sessions(world: World) -> None:
    cookie, headers = await logged_in(world), await world.cookie()
    page = "/users/ann"
    assert "Sessions and tokens" in await (await world.client.get(page, headers=headers)).text()
    form = {"role": "viewer"}
    changed = await world.client.post(f"{page}/role", data=form, headers=headers)
    assert "The role is changed" in await changed.text()
    wrong = await world.client.post(f"{page}/role", data={"role": "root"}, headers=headers)
    assert wrong.status == 400
    own = await world.client.post("/users/the-admin/role", data=form, headers=headers)
    assert (own.status, "the last admin" in await own.text()) == (409, True)
    ended = await world.client.post(f"{page}/credentials/revoke-all", headers=headers)
    assert "has no sessions and no tokens" in await ended.text()
    assert not await is_live(world, cookie)
    short = await world.client.post(f"{page}/password", data={"password": "x"}, headers=headers)
    assert (short.status, "at least 10" in await short.text()) == (400, True)


async def test_tokens_page_offers_scopes(world: World) -> None:
    headers = await world.cookie(Role.VIEWER)
    form = {"label": "pi", "lifetime_days": "9", "scopes": "push"}
    refused = await world.client.post("/account/tokens", data=form, headers=headers)
    assert (refused.status, "a viewer may not push" in await refused.text()) == (400, True)
    form["scopes"] = "read"
    assert (
        "Copy it now"
        in await (await world.client.post("/account/tokens", data=form, headers=headers)).text()
    )
    user = await world.user("the-viewer")
    newest = (await world.accounts.credentials(user.id, NOW_MS))[0]
    assert (newest.kind, [*newest.scopes]) == (CredentialKind.BEARER, ["read"])


async def test_unknown_user_costs_as_much_work_as_a_known_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.user("ann")
    verified: list[str] = []
    verify = passwords._verify

    def counting(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "_verify", counting)
    for name in ("ann", "nobody"):
        body = {"username": name, "password": "wrong"}
        assert (await world.client.post("/auth/token", json=body)).status == 401
    assert len(verified) == 2
    assert all(each.startswith("$argon2id$") for each in verified)


async def test_two_admins_who_remove_each_other_leave_one(world: World) -> None:
    first = await world.bearer()
    user = await world.user("ann")
    await world.accounts.add_credential(
        user.id, CredentialKind.BEARER, secret_hash("anns"), "x", NOW_MS, NOW_MS + 1000
    )
    answers = await asyncio.gather(
        world.client.delete("/api/users/ann", headers=first),
        world.client.delete("/api/users/the-admin", headers={"X-API-Key": "anns"}),
    )
    assert len(await world.accounts.users()) == 1
    assert 204 in [answer.status for answer in answers]


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "no-such", "unicode_escape"])
@pytest.mark.parametrize("path", ["/login", "/login/code", "/api/v1/auth/login"])
async def test_form_that_is_no_utf8_is_refused(world: World, charset: str, path: str) -> None:
    body = b"username=+2AA-&password=+2AA-&ticket=+2AA-&code=\\ud800"
    content = f"application/x-www-form-urlencoded; charset={charset}"
    headers = {"Content-Type": content}
    answer = await world.client.post(path, data=body, headers=headers)
    assert answer.status == 400


@pytest.mark.parametrize("body", [rb'{"username":"\ud800","password":"x"}', b"\xff", b"null", b"["])
async def test_login_that_is_no_text_is_refused(world: World, body: bytes) -> None:
    for path in ("/auth/token", "/auth/refresh", "/api/v1/auth/login"):
        answer = await world.client.post(path, data=body)
        assert answer.status == 400, await answer.text()


async def test_browser_whose_name_is_no_text_logs_in(world: World) -> None:
    await world.user("ann")
    body = f"username=ann&password={PASSWORD.replace(' ', '+')}".encode()
    head = (
        b"POST /login HTTP/1.1\r\nHost: x\r\nUser-Agent: \xff\xfe\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
    )
    port = world.client.make_url("/").port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE_S):
        writer.write(head % len(body) + body)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 303")


@pytest.mark.parametrize(
    "name", ["%FF", "%00", "%ED%A0%80", "%2E%2E", "'%20or%20''='", "%F0%9F%90%A6"]
)
async def test_hostile_name_in_an_address_is_not_found(world: World, name: str) -> None:
    admin = await world.bearer()
    root = str(world.client.make_url("/")).rstrip("/")
    for method, path in (
        ("GET", f"/api/users/{name}/credentials"),
        ("PUT", f"/api/users/{name}/role"),
        ("DELETE", f"/api/users/{name}/credentials/99999999999999999999"),
        ("DELETE", f"/api/users/{name}"),
        ("GET", f"/users/{name}"),
        ("POST", f"/users/{name}/remove"),
    ):
        url = URL(f"{root}{path}", encoded=True)
        answer = await world.client.session.request(
            method, url, headers=admin, json={"role": "viewer"} if method == "PUT" else None
        )
        assert answer.status in (400, 404), (path, answer.status)
