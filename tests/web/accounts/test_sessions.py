"""Sessions and logins against OWASP's lists: fixation, cookies, enumeration, redirects."""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from aiohttp import ClientResponse
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind, Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.http.network import local_path
from web.identity import passwords
from web.identity.secret_hashes import secret_hash
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def log_in(world: World, following: str = "/", **headers: str) -> ClientResponse:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD, "next": following}
    return await world.client.post("/login", data=form, headers=headers, allow_redirects=False)


async def test_login_ignores_a_planted_session_id(world: World) -> None:
    planted = "redshank_session=planted-by-somebody-else"
    answer = await log_in(world, Cookie=planted)
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["redshank_session"]
    assert morsel.value != "planted-by-somebody-else"
    after = await world.client.get(
        "/api/session", headers={"Cookie": planted}, cookies={"redshank_session": ""}
    )
    assert after.status == 401


async def test_every_login_makes_a_session_of_its_own(world: World) -> None:
    cookies = [SimpleCookie((await log_in(world)).headers["Set-Cookie"]) for _ in range(2)]
    secrets = {cookie["redshank_session"].value for cookie in cookies}
    assert len(secrets) == 2
    assert all(len(secret) >= 43 for secret in secrets)


async def test_session_in_the_address_is_ignored(world: World) -> None:
    secret = await world.secret(CredentialKind.SESSION)
    for name in ("redshank_session", "session", "token", "access_token", "api_key"):
        answer = await world.client.get(f"/api/session?{name}={secret}")
        assert answer.status == 401


async def test_cookie_is_out_of_reach_for_scripts_and_other_sites(world: World) -> None:
    answer = await log_in(world)
    morsel = SimpleCookie(answer.headers["Set-Cookie"])["redshank_session"]
    assert morsel["httponly"]
    assert (morsel["samesite"], morsel["path"], morsel["domain"]) == ("Lax", "/", "")
    assert not morsel["secure"]


async def test_cookie_behind_https_is_bound_to_it(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    behind = WebSettings.model_validate({"public_url": "https://monitor.example.com"})
    async with world_at(tmp_path, aiohttp_client, behind) as world:
        answer = await log_in(world)
        morsel = SimpleCookie(answer.headers["Set-Cookie"])["__Host-redshank_session"]
        assert morsel["secure"]
        assert (morsel["path"], morsel["domain"]) == ("/", "")


async def test_session_without_requests_ends_before_its_time(world: World) -> None:
    day_ms = 86_400_000
    user = await world.user()
    await world.accounts.add_credential(
        user.id, CredentialKind.SESSION, secret_hash("long"), "x", NOW_MS, NOW_MS + 30 * day_ms
    )
    headers = {"Cookie": "redshank_session=long"}
    for _ in range(2):
        world.now[0] += 7 * day_ms - 1
        assert (await world.client.get("/api/session", headers=headers)).status == 200
    world.now[0] += 7 * day_ms
    assert (await world.client.get("/api/session", headers=headers)).status == 401


async def test_login_does_not_reveal_which_names_exist(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.user("ann")
    verified: list[str] = []
    verify = passwords._verify

    def counted(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "_verify", counted)
    told = []
    for name in ("ann", "nobody"):
        answer = await world.client.post(
            "/auth/token", json={"username": name, "password": "wrong"}
        )
        headers = dict(answer.headers)
        for varying in ("Date", "X-Request-ID", "RateLimit-Remaining"):
            del headers[varying]
        told.append((answer.status, await answer.json(), headers))
    assert told[0] == told[1]
    # A hash is computed either way, so that the duration reveals nothing.
    assert len(verified) == 2


async def test_names_exist_no_more_after_too_many_guesses_than_before(world: World) -> None:
    await world.user("ann")
    told = []
    for name in ("ann", "nobody"):
        body = {"username": name, "password": "wrong"}
        answers = [await world.client.post("/auth/token", json=body) for _ in range(7)]
        told.append([answer.status for answer in answers])
    assert told[0] == told[1] == [401] * 5 + [429] * 2


async def test_no_secret_is_stored_as_it_is(world: World, tmp_path: Path) -> None:
    await log_in(world)
    secrets = [PASSWORD, await world.secret(CredentialKind.BEARER)]
    made = await world.client.post(
        "/api/account/tokens", json={"label": "x"}, headers=await world.cookie()
    )
    secrets.append((await made.json())["access_token"])

    def everything() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())

    stored = await asyncio.to_thread(everything)
    assert b"the-admin" in stored
    for secret in secrets:
        assert secret.encode() not in stored


async def test_fields_that_a_form_does_not_have_are_refused(world: World) -> None:
    headers = await world.cookie(Role.VIEWER)
    body = {"current_password": PASSWORD, "new_password": "long enough for us", "role": "admin"}
    answer = await world.client.put("/api/account/password", json=body, headers=headers)
    assert (answer.status, (await answer.json())["field"]) == (400, "role")


AWAY = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\r\nLocation: https://evil.example",
    "\t//evil.example",
    " //evil.example",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "/\x00//evil.example",
    "",
]


@pytest.mark.parametrize("following", AWAY)
async def test_login_redirects_to_no_other_site(world: World, following: str) -> None:
    answer = await log_in(world, following)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    shown = await world.client.get(
        f"/login?next={quote(following, safe='')}",
        headers=await world.cookie(),
        allow_redirects=False,
    )
    assert (shown.status, shown.headers["Location"]) == (303, "/")


@given(st.text(st.characters(max_codepoint=0x3000), max_size=30))
def test_any_following_address_stays_on_this_server(following: str) -> None:
    here = "https://monitor.example.com"
    # Browsers drop tabs and newlines and read backslashes as slashes.
    seen = local_path(following).replace("\\", "/")
    for character in "\t\r\n":
        seen = seen.replace(character, "")
    assert urlsplit(urljoin(here, seen)).netloc == "monitor.example.com"
