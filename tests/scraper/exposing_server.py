"""An HTTP server with handlers of a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def body(text: bytes | str, content_type: str = TEXT, status: int = 200) -> Answer:
    """Return a handler that responds with a complete body."""
    data = text.encode() if isinstance(text, str) else text

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=data, headers={"Content-Type": content_type}, status=status)

    return answer


def stream(
    chunks: Callable[[], AsyncIterator[bytes]], headers: dict[str, str] | None = None
) -> Answer:
    """Return a handler that sends pieces until the client disconnects."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": TEXT} | (headers or {}))
        await response.prepare(request)
        try:
            async for chunk in chunks():
                await response.write(chunk)
        except ConnectionError:
            return response
        await response.write_eof()
        return response

    return answer


@asynccontextmanager
async def serving(**answers: Answer) -> AsyncIterator[Callable[[str], str]]:
    """Serve each handler under its name; yield a function that returns the URL of a name."""
    app = web.Application()
    for name, answer in answers.items():
        app.router.add_get(f"/{name}", answer)
    # Do not wait for handlers whose client has disconnected.
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    try:
        yield lambda name: str(server.make_url(f"/{name}"))
    finally:
        await server.close()
