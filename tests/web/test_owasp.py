"""The usual ways in, tried: what OWASP's lists name and no other test here covers.

Elsewhere: who may what (test_access), requests of other sites (test_accounts, test_cors),
markup in strangers' text (test_pages, tests/browser/test_hostile_text.py), addresses of
targets (tests/scraper/fetching/test_reach.py), floods and bombs (test_rate_limits, test_bodies).
"""

import asyncio
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient
from yarl import URL

from storage.api.accounts import CredentialKind, Role
from tests.web.middleware.test_guard import ACCESS, concrete
from tests.web.web_doubles import PASSWORD, World, target_status, world_at
from web.http.network import local_path
from web.http.routing import ROUTES, Surface
from web.identity import passwords
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def log_in(world: World, following: str = "/", **headers: str) -> ClientResponse:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD, "next": following}
    return await world.client.post("/login", data=form, headers=headers, allow_redirects=False)


async def raw(world: World, request: bytes) -> bytes:
    """Return the answer to bytes that no HTTP client would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    writer.write(request)
    async with asyncio.timeout(30):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return answer


# Sessions


async def test_login_never_takes_over_a_session_that_it_was_given(world: World) -> None:
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


# Accounts


async def test_nobody_learns_which_names_exist(
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
    # A hash is computed either way, so that the time tells nothing.
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


# Redirects

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
async def test_login_leads_nowhere_else(world: World, following: str) -> None:
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


# Headers


async def test_line_breaks_do_not_become_headers(world: World) -> None:
    headers = await world.cookie()
    for path in (
        "/login?next=/%0d%0aX-Injected:%20yes",
        "/api/hosts/%0d%0aX-Injected:%20yes",
        "/host/a%0d%0aX-Injected:%20yes",
        "/static/%0d%0aX-Injected:%20yes",
    ):
        url = URL(str(world.client.make_url("/")).rstrip("/") + path, encoded=True)
        answer = await world.client.session.get(url, headers=headers, allow_redirects=False)
        assert "X-Injected" not in answer.headers
        assert answer.status in (303, 404)


async def test_forged_host_appears_in_no_answer(world: World) -> None:
    world.statuses.append(target_status())
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for row, access in ACCESS.items():
        method, path = row.split(" ")
        if method != "GET":
            continue
        headers = forged if access == "public" else await world.cookie() | forged
        answer = await world.client.get(concrete(path), headers=headers, allow_redirects=False)
        assert "evil.example" not in repr(answer.headers), path
        assert "evil.example" not in await answer.text(), path


async def test_answers_that_need_a_login_are_never_kept(world: World) -> None:
    for row, access in ACCESS.items():
        method, path = row.split(" ")
        if method != "GET" or access == "public":
            continue
        for headers in (await world.cookie(), {}):
            answer = await world.client.get(concrete(path), headers=headers, allow_redirects=False)
            answer.close()
            assert answer.headers["Cache-Control"] == "no-store", path


async def test_pages_cannot_be_framed_or_sniffed(world: World) -> None:
    for path in ("/", "/login", "/no/such/page"):
        answer = await world.client.get(path, headers=await world.cookie())
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_server_does_not_tell_what_it_is_built_of(world: World) -> None:
    for path in ("/login", "/health", "/nothing"):
        answer = await world.client.get(path)
        assert answer.headers["Server"] == "redshank"


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG"])
async def test_methods_without_a_route_do_nothing(world: World, method: str) -> None:
    request = f"{method} /api/fleet HTTP/1.1\r\nHost: x\r\nX-Secret: s\r\n\r\n".encode()
    answer = await raw(world, request)
    assert answer.split(b" ")[1] in (b"400", b"404", b"405")
    assert b"X-Secret" not in answer


async def test_method_cannot_be_overridden(world: World) -> None:
    headers = await world.bearer() | {"X-HTTP-Method-Override": "DELETE"}
    added = await world.client.post(
        "/api/hosts", json={"name": "db-1", "url": "10.0.0.7"}, headers=headers
    )
    path = f"/api/hosts/{(await added.json())['id']}?_method=DELETE"
    assert (await world.client.get(path, headers=headers)).status == 200
    assert (await world.client.get(path, headers=headers)).status == 200


async def test_head_is_guarded_as_get_is(world: World) -> None:
    for method, path in world.client.app[ROUTES]:
        if method == "HEAD" and ACCESS[f"GET {path}"] not in ("public", "scrape"):
            answer = await world.client.head(concrete(path), allow_redirects=False)
            assert answer.status in (303, 401), path


# Files


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/%2e%2e%2fsettings.py",
        "/static/..%5csettings.py",
        "/static/....//settings.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/vendor/../../http/templates/base.html",
        "/static/redshank.css%00.html",
        "/static/vendor/manifest.json",
        "/static/.",
        "/static/",
    ],
)
async def test_files_outside_are_not_served(world: World, path: str) -> None:
    answer = await raw(world, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.split(b" ")[1] == b"404"


# Targets


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "169.254.169.254:80",
        "http://[fe80::1]:9100/metrics",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0:9190/",
        "http://224.0.0.1/",
    ],
)
async def test_host_at_a_refused_address_is_not_added(world: World, url: str) -> None:
    body = {"name": "x", "url": url}
    answer = await world.client.post("/api/hosts", json=body, headers=await world.bearer())
    assert (answer.status, (await answer.json())["field"]) == (400, "url")
    page = await world.client.post("/add-host", data=body, headers=await world.cookie())
    assert page.status == 400
    assert "refused" in await page.text()
    assert not await world.services.hosts.all()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x", "ftp://x", "dict://x:1", "http://u:p@x/", "http://"]
)
async def test_target_is_http_and_carries_no_password(world: World, url: str) -> None:
    body = {"name": "x", "url": url}
    answer = await world.client.post("/api/hosts", json=body, headers=await world.bearer())
    assert (answer.status, (await answer.json())["field"]) == (400, "url")


# Malformed requests


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/v1/query?query=%ff%fe HTTP/1.1",
        b"GET /api/v1/query?query=%00 HTTP/1.1",
        b"GET /api/v1/query?query=a&query=b&time=1&time=x HTTP/1.1",
        b"GET /api/hosts/%ff%00 HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1",
        b"GET /health HTTP/1.1\r\nX-Long: " + b"a" * 20_000,
        b"GET /health HTTP/1.1\r\nAuthorization: Bearer \xff\xfe",
        b"GET /health HTTP/1.1\r\nAuthorization: Bearer a\x00b",
        b"GET /api/fleet HTTP/1.1\r\nCookie: redshank_session=\xff\xfe; \x01=\x02",
        b"GET /health HTTP/1.1" + b"".join(b"\r\nX-%d: x" % number for number in range(500)),
        b"GET /health HTTP/1.1\r\nX-Forwarded-For: " + b"1," * 3_000,
        b"POST /auth/token HTTP/1.1\r\nContent-Length: -1",
        b"POST /auth/token HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET http://[::1 HTTP/1.1",
        b"GET /health HTTP/9.9",
        b"\x16\x03\x01\x02\x00",
    ],
)
async def test_malformed_request_is_refused_in_words(world: World, line: bytes) -> None:
    answer = await raw(world, line + b"\r\nHost: x\r\n\r\n")
    assert int(answer.split(b" ")[1]) < 500
    # And the next one is served as ever.
    assert (await world.client.get("/health")).status == 200


BODIES = st.one_of(
    st.integers(1, 50_000).map(lambda depth: b"[" * depth),
    st.integers(1, 20_000).map(lambda depth: b'{"name":' * depth),
    st.integers(1, 5_000).map(lambda depth: b"[" * depth + b"]" * depth),
    st.binary(max_size=50).map(lambda raw: b'{"name":"' + raw + b'","url":"x"}'),
    st.sampled_from(
        [
            b'{"name":"a\\u0000b","url":"x"}',
            b'{"name":"\\ud800","url":"x"}',
            b'{"name":1e999,"url":"x"}',
            b'{"name":' + b"9" * 10_000 + b"}",
            b'{"url":"x","url":"y","name":"a","name":"b"}',
            b"\xef\xbb\xbf{}",
            b'{"labels":{"__proto__":"x"},"name":"a","url":"x"}',
        ]
    ),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=BODIES)
async def test_no_json_is_a_fault_of_ours(world: World, body: bytes) -> None:
    headers = await world.bearer()
    for path in ("/api/hosts", "/auth/token"):
        answer = await world.client.post(path, data=body, headers=headers)
        assert answer.status < 500


async def test_every_route_that_reads_a_body_bounds_it(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    small = WebSettings(body_limit_bytes=1024)
    async with world_at(tmp_path, aiohttp_client, small) as world:
        for (method, path), route in world.client.app[ROUTES].items():
            if method not in ("POST", "PUT") or route.body_limit_bytes is not None:
                continue
            answer = await world.client.request(
                method,
                concrete(path),
                data="a=" + "b" * 4096,
                headers=await world.bearer()
                | {"Content-Type": "application/x-www-form-urlencoded"},
                allow_redirects=False,
            )
            assert answer.status < 500, path
            if route.surface is Surface.PROMETHEUS:
                assert answer.status == 413, path
