"""The headers of responses: injection, caching, framing, the server's name."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from yarl import URL

from tests.web.middleware.test_guard import ACCESS, concrete
from tests.web.service_doubles import target_status
from tests.web.world import World, world_at


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


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
        if path.endswith("/live"):
            # Its body does not end.
            continue
        headers = forged if access == "public" else await world.cookie() | forged
        answer = await world.client.get(concrete(path), headers=headers, allow_redirects=False)
        assert "evil.example" not in repr(answer.headers), path
        assert "evil.example" not in await answer.text(), path


async def test_responses_that_need_a_login_are_never_cached(world: World) -> None:
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


async def test_server_header_names_no_versions(world: World) -> None:
    for path in ("/login", "/health", "/nothing"):
        answer = await world.client.get(path)
        assert answer.headers["Server"] == "redshank"
