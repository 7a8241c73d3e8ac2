"""Streamed responses are complete, have a length if they are small, or are an error."""

from collections.abc import Callable, Iterator

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from web.prometheus.streaming import streamed

_PLAIN = {"Accept-Encoding": "identity"}
_PART = bytes(range(256)) * 2048


def app_that_sends(body: Callable[[], Iterator[bytes]]) -> web.Application:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await streamed(request, body(), "application/octet-stream")

    app = web.Application()
    app.router.add_get("/", handler)
    return app


@pytest.mark.parametrize("parts", [0, 1, 15])
async def test_a_small_response_has_a_length(aiohttp_client: AiohttpClient, parts: int) -> None:
    client = await aiohttp_client(app_that_sends(lambda: iter([_PART] * parts)))
    answer = await client.get("/", headers=_PLAIN)
    assert await answer.read() == _PART * parts
    assert answer.headers["Content-Length"] == str(len(_PART) * parts)
    assert "Transfer-Encoding" not in answer.headers


@pytest.mark.parametrize("parts", [16, 17, 40])
async def test_a_large_response_is_sent_while_it_is_formatted(
    aiohttp_client: AiohttpClient, parts: int
) -> None:
    client = await aiohttp_client(app_that_sends(lambda: iter([_PART] * parts)))
    answer = await client.get("/", headers=_PLAIN)
    assert await answer.read() == _PART * parts
    assert answer.headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize("parts", [3, 40])
async def test_a_compressed_response_is_complete(aiohttp_client: AiohttpClient, parts: int) -> None:
    client = await aiohttp_client(app_that_sends(lambda: iter([_PART] * parts)))
    answer = await client.get("/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert await answer.read() == _PART * parts


async def test_a_failure_before_the_first_piece_is_an_error_response(
    aiohttp_client: AiohttpClient,
) -> None:
    def body() -> Iterator[bytes]:
        yield from [_PART] * 10
        raise web.HTTPUnprocessableEntity(text="too late to write, early enough to tell")

    client = await aiohttp_client(app_that_sends(body))
    answer = await client.get("/", headers=_PLAIN)
    assert (answer.status, await answer.text()) == (422, "too late to write, early enough to tell")
