"""Responses with a body."""

import asyncio

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from web.http.responses import COMPRESS_FROM_BYTES, body_response


@pytest.mark.parametrize("size_bytes", [10, COMPRESS_FROM_BYTES, 300_000])
async def test_connection_keeps_no_body_that_has_been_sent(
    aiohttp_client: AiohttpClient, size_bytes: int
) -> None:
    sent: list[web.Response] = []
    body = bytes(range(256)) * (size_bytes // 256 + 1)
    connected = asyncio.Event()

    async def page(_request: web.Request) -> web.Response:
        sent.append(body_response(body, "application/octet-stream"))
        return sent[-1]

    async def live(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connected.set()
        await socket.receive()
        return socket

    application = web.Application()
    application.router.add_get("/page", page)
    application.router.add_get("/live", live)
    client = await aiohttp_client(application)
    answer = await client.get("/page")
    assert await answer.read() == body
    # On the same connection, which stays in the hands of this handler.
    socket = await client.ws_connect("/live")
    await connected.wait()
    assert [response.body for response in sent] == [None]
    await socket.close()
