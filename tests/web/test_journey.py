from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.web.web_doubles import World, world_at
from web.settings import WebSettings


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings(body_limit_bytes=1024)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        yield world


async def test_request_id_is_taken_over_and_logged(world: World) -> None:
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


async def test_fault_of_ours_is_logged_and_not_told(world: World) -> None:
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
