"""Requests that no honest client sends: methods, paths, bytes, bodies."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from tests.patience import PATIENCE_S
from tests.web.middleware.test_guard import ACCESS, concrete
from tests.web.world import World, world_at
from web.http.routing import ROUTES, Surface
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def raw(world: World, request: bytes) -> bytes:
    """Return the response head to raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    writer.write(request)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return answer


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
    # The next request succeeds.
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
async def test_no_json_body_causes_an_internal_error(world: World, body: bytes) -> None:
    headers = await world.bearer()
    for path in ("/api/hosts", "/auth/token"):
        answer = await world.client.post(path, data=body, headers=headers)
        assert answer.status < 500


async def test_every_route_that_reads_a_body_bounds_it(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    small = WebSettings(body_limit_bytes=1024, enable_admin_api=True)
    async with world_at(tmp_path, aiohttp_client, small) as world:
        for (method, path), route in world.client.app[ROUTES].items():
            if method not in ("POST", "PUT") or route.body_limit_bytes is not None:
                continue
            if path == "/api/v1/admin/tsdb/clean_tombstones":
                continue  # it takes no parameters
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
