import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from promql.api import Answer, QueryOptions
from tests.patience import PATIENCE_S
from tests.promql.scripted_engine import ScriptedEngine
from tests.web.world import World, world_at
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings(body_limit_bytes=1024)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        yield world


async def test_given_request_id_is_used_and_logged(world: World) -> None:
    headers = await world.bearer() | {"X-Request-ID": "abc-123"}
    answer = await world.client.get("/api/hosts/7", headers=headers)
    assert answer.headers["X-Request-ID"] == "abc-123"
    (line,) = [line for line in world.logs if line["event"] == "http_request"]
    assert (line["route"], line["status"], line["user"]) == ("/api/hosts/{key}", 404, "the-admin")
    assert line["duration_s"] >= 0


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "<script>"])
async def test_unfit_request_id_is_replaced(world: World, given: str) -> None:
    answer = await world.client.get("/health", headers={"X-Request-ID": given})
    assert len(answer.headers["X-Request-ID"]) == 16


async def test_internal_error_is_logged_and_not_shown(world: World) -> None:
    world.engine.answers["up"] = RuntimeError("the password is hunter2")
    answer = await world.client.get("/api/v1/query?query=up", headers=await world.bearer())
    assert answer.status == 500
    assert "hunter2" not in await answer.text()
    assert [line["event"] for line in world.logs] == ["request_failed", "http_request"]


async def test_secrets_do_not_reach_the_log(world: World) -> None:
    await world.client.post("/auth/token", json={"username": "oops-my-password", "password": "x"})
    await world.client.get("/login?next=/token-in-url")
    assert "oops" not in repr(world.logs)
    assert "token-in-url" not in repr(world.logs)


async def test_large_body_is_refused(world: World) -> None:
    answer = await world.client.post("/auth/token", data=b"x" * 2000)
    assert answer.status == 413
    assert (await answer.json())["error"].startswith("the request body is too large")


async def test_garbled_gzip_is_a_bad_request(world: World) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await world.client.post("/auth/token", data=b"not gzip", headers=headers)
    assert answer.status == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"null", b'{"username": 1}', b"\xff", b'{"username":"\\ud800"}'],
)
async def test_unfit_json_is_a_bad_request(world: World, body: bytes) -> None:
    answer = await world.client.post("/auth/token", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"]


async def test_large_answers_are_compressed(world: World) -> None:
    answer = await world.client.get("/login", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200


async def test_raised_redirect_is_logged_with_its_status(world: World) -> None:
    answer = await world.client.get("/", allow_redirects=False)
    assert answer.status == 303
    assert [line["status"] for line in world.logs if line["event"] == "http_request"] == [303]


async def test_disconnected_client_is_logged_with_status_499(world: World) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    class Endless(ScriptedEngine):
        async def instant(
            self, query: str, time_ms: int, options: QueryOptions | None = None
        ) -> Answer:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                left.set()
            raise AssertionError("nobody waits for this")

    world.engine.__class__ = Endless
    _, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    token = (await world.bearer())["Authorization"]
    writer.write(
        f"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()
    )
    async with asyncio.timeout(PATIENCE_S):
        await asked.wait()
        writer.close()
        await writer.wait_closed()
        await left.wait()
    # The server waits for its handlers.
    await world.client.close()
    found = [line for line in world.logs if line["event"] == "http_request"]
    assert (found[0]["status"], found[0]["route"]) == (499, "/api/v1/query")


async def test_every_line_of_a_request_carries_its_id(world: World) -> None:
    world.engine.answers["up"] = RuntimeError("oops")
    headers = await world.bearer() | {"X-Request-ID": "abc-123"}
    with capture_logs(processors=[merge_contextvars]) as logs:
        answer = await world.client.get("/api/v1/query?query=up", headers=headers)
    assert answer.status == 500
    assert [line["request_id"] for line in logs] == ["abc-123", "abc-123"]
