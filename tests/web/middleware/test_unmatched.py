"""Middlewares of unmatched requests do not run around the others."""

from aiohttp import web
from aiohttp.typedefs import Middleware
from pytest_aiohttp import AiohttpClient

from web.http.routing import Handler
from web.middleware.unmatched import unmatched


def noting(name: str, seen: list[str]) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen.append(f"{name} {request.path}")
        return await handler(request)

    return middleware


async def test_only_unmatched_requests_pass_through_the_grouped_middlewares(
    aiohttp_client: AiohttpClient,
) -> None:
    seen: list[str] = []

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application(middlewares=[unmatched(noting("outer", seen), noting("inner", seen))])
    app.router.add_get("/known", hello)
    client = await aiohttp_client(app)
    assert await (await client.get("/known")).text() == "hello"
    assert seen == []
    assert (await client.get("/unknown")).status == 404
    assert (await client.post("/known")).status == 405
    assert seen == ["outer /unknown", "inner /unknown", "outer /known", "inner /known"]
