"""A small ASGI server over aiohttp: real sockets, without a further dependency."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from redshank_middleware.asgi import Application


@asynccontextmanager
async def asgi_client(application: Application) -> AsyncIterator[TestClient[Any, Any]]:
    """Serve an ASGI application; return a client of it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        chunks = request.content.iter_any()

        async def receive() -> dict[str, Any]:
            try:
                body = await anext(chunks)
            except StopAsyncIteration:
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": body, "more_body": True}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                response.set_status(message["status"])
                for name, value in message.get("headers", ()):
                    response.headers[name.decode()] = value.decode()
                await response.prepare(request)
            else:
                await response.write(message.get("body", b""))
                if not message.get("more_body", False):
                    await response.write_eof()

        scope: dict[str, Any] = {
            "type": "http",
            "method": request.method,
            "path": request.path,
            "root_path": "",
            "query_string": request.query_string.encode(),
            "headers": [(name.lower(), value) for name, value in request.raw_headers],
            "client": ("127.0.0.1", 1),
        }
        try:
            await application(scope, receive, send)
        except ZeroDivisionError:
            return web.Response(status=500)
        return response

    server = web.Application()
    server.router.add_route("*", "/{path:.*}", handle)
    async with TestClient(TestServer(server)) as client:
        yield client
